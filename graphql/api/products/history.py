"""Page through the changes of a product in the catalogue."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final, Self

import strawberry

from api.connections import Connection, page_request
from api.context import Context
from api.money import Money
from api.products.price_history import version_in
from domain.identifiers import is_identifier
from queries import cursor
from queries.keyset import Page
from queries.product_history import ProductChange as ProductChangeView
from queries.product_history import ProductChangeKind

CURSOR_KIND: Final = "product change"

strawberry.enum(ProductChangeKind)


@strawberry.type
class ProductChange:
    kind: ProductChangeKind
    name: str | None = strawberry.field(description="The name that the change gives, if any.")
    price: Money | None = strawberry.field(description="The price that the change sets, if any.")
    actor: str | None = strawberry.field(description="Null where it is not known.")
    at: datetime

    @classmethod
    def of(cls, change: ProductChangeView) -> Self:
        return cls(
            kind=change.kind,
            name=change.name,
            price=None if change.price is None else Money.of(change.price),
            actor=change.actor,
            at=change.at,
        )


@strawberry.type
class ProductChangeConnection(Connection[ProductChange]):
    @classmethod
    def of(cls, sku: str, page: Page[ProductChangeView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, f"{change.version}:{sku}") for change in page.items]
        nodes = [ProductChange.of(change) for change in page.items]
        return cls.holding(page, cursors, nodes)


async def product_history(
    sku: str, first: int | None, after: str | None, context: Context
) -> ProductChangeConnection | None:
    """Return the changes; None for a product that the catalogue never listed."""
    request = page_request(first, after, None, None, partial(version_in, CURSOR_KIND, sku))
    if not is_identifier(sku):
        return None
    page = await context.services.product_histories.page(sku, request.size, request.after)
    is_unknown = not page.items and request.after is None
    return None if is_unknown else ProductChangeConnection.of(sku, page)
