from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.errors import forbidden
from api.products.history import ProductChangeConnection, product_history
from api.products.types import CURSOR_KIND, Product, ProductConnection
from domain.identifiers import is_identifier
from queries.cursor import decode

IncludeDiscontinued = Annotated[
    bool, strawberry.argument(description="For staff: list discontinued products too.")
]


@strawberry.type
class ProductQuery:
    @strawberry.field(
        description="A product, discontinued or not. Null if the catalogue never listed it."
    )
    async def product(self, info: Info, sku: strawberry.ID) -> Product | None:
        product = await info.context.services.products.get(sku) if is_identifier(sku) else None
        return None if product is None else Product.of(product)

    @strawberry.field(description="The products on sale, by SKU.")
    async def products(  # noqa: PLR0913 - the arguments of a connection, and one more
        self,
        info: Info,
        *,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
        include_discontinued: IncludeDiscontinued = False,
    ) -> ProductConnection:
        if include_discontinued and not info.context.viewer.is_staff:
            raise forbidden("includeDiscontinued is for operators: sign in as one")
        request = page_request(first, after, last, before, partial(decode, CURSOR_KIND))
        page = await info.context.services.products.page(
            request, include_discontinued=include_discontinued
        )
        return ProductConnection.of(page)

    @strawberry.field(
        description="For operators: each change of a product in the catalogue, the newest first. "
        "Null if the catalogue never listed it."
    )
    async def product_history(
        self, info: Info, sku: strawberry.ID, *, first: First = None, after: Cursor = None
    ) -> ProductChangeConnection | None:
        return await product_history(sku, first, after, info.context)
