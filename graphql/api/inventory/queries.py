from __future__ import annotations

from functools import partial

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.inventory.types import CURSOR_KIND, Stock, StockConnection
from domain.identifiers import is_identifier
from queries.cursor import decode


@strawberry.type
class InventoryQuery:
    @strawberry.field(
        description="For operators: the stock of a product, discontinued or not. Null if the "
        "catalogue never listed it."
    )
    async def stock(self, info: Info, sku: strawberry.ID) -> Stock | None:
        found = await info.context.services.stock.get(sku) if is_identifier(sku) else None
        return Stock.of_any(found)

    @strawberry.field(description="For operators: the stock of all products, by SKU.")
    async def stocks(
        self,
        info: Info,
        *,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> StockConnection:
        request = page_request(first, after, last, before, partial(decode, CURSOR_KIND))
        return StockConnection.of(await info.context.services.stock.page(request))
