from __future__ import annotations

from typing import Self

import strawberry

from api.connections import Connection, Cursor, First
from api.context import Info
from api.inventory.stock_history import StockChangeConnection, stock_history
from api.payload import Payload
from api.products.types import ProductPayload
from api.scalars import Long
from queries import cursor
from queries.keyset import Page
from queries.stock import StockView

CURSOR_KIND = "stock"


@strawberry.type(description="The pieces of one product.")
class Stock:
    sku: strawberry.ID
    received: Long = strawberry.field(description="The pieces of all receipts so far.")
    on_hand: Long = strawberry.field(
        description="The pieces in the warehouse: received, adjusted, and not shipped."
    )
    reserved: Long = strawberry.field(description="The pieces on hand that orders have reserved.")
    available: Long = strawberry.field(
        description="The pieces on hand that no order has reserved: onHand - reserved. Negative "
        "while orders are short of pieces that an adjustment has taken away."
    )
    waiting: Long = strawberry.field(description="The pieces that backorders wait for.")
    shipped: Long = strawberry.field(
        description="The pieces that have left with parcels and have not come back."
    )

    @strawberry.field(
        description="Each change of the stock with the figures after it, the newest first."
    )
    async def history(
        self, info: Info, *, first: First = None, after: Cursor = None
    ) -> StockChangeConnection:
        return await stock_history(self.sku, first, after, info.context)

    @classmethod
    def of(cls, stock: StockView) -> Self:
        return cls(
            sku=strawberry.ID(stock.sku),
            received=Long(stock.received),
            on_hand=Long(stock.on_hand),
            reserved=Long(stock.reserved),
            available=Long(stock.available),
            waiting=Long(stock.waiting),
            shipped=Long(stock.shipped),
        )

    @classmethod
    def of_any(cls, stock: StockView | None) -> Self | None:
        return None if stock is None else cls.of(stock)


@strawberry.type
class StockConnection(Connection[Stock]):
    @classmethod
    def of(cls, page: Page[StockView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, stock.sku) for stock in page.items]
        nodes = [Stock.of(stock) for stock in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type
class ReceiveStockPayload(ProductPayload):
    pass


@strawberry.type
class AdjustStockPayload(Payload):
    stock: Stock | None = None
