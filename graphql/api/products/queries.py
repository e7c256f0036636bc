from __future__ import annotations

from functools import partial

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.products.types import CURSOR_KIND, Product, ProductConnection
from domain.identifiers import is_identifier
from queries.cursor import decode


@strawberry.type
class ProductQuery:
    @strawberry.field(description="Null if the catalogue does not list it.")
    async def product(self, info: Info, sku: strawberry.ID) -> Product | None:
        product = await info.context.services.products.get(sku) if is_identifier(sku) else None
        return None if product is None else Product.of(product)

    @strawberry.field(description="The catalogue, by SKU.")
    async def products(
        self,
        info: Info,
        *,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> ProductConnection:
        request = page_request(first, after, last, before, partial(decode, CURSOR_KIND))
        return ProductConnection.of(await info.context.services.products.page(request))
