from __future__ import annotations

from typing import Self

import strawberry

from api.connections import Connection
from api.context import Info
from api.orders.cursors import OrderCursors
from api.orders.types import Order
from api.scalars import Long
from eventstore.positions import PositionCodec
from queries.keyset import Page
from queries.order_filter import OrderFilter
from queries.order_sort import OrderOrder
from queries.order_view import OrderView

strawberry.enum(
    OrderOrder,
    description="The order of a list of orders. UPDATED_AT has them by their last events in the "
    "log: an order that changes moves while you page. Totals are sorted in one currency.",
)


@strawberry.type
class OrderConnection(Connection[Order]):
    wanted: strawberry.Private[OrderFilter]

    @strawberry.field(
        description="The number of all orders that pass the filter. It costs a statement that "
        "counts them: ask for it once, and not with each page."
    )
    async def total_count(self, info: Info) -> Long:
        return Long(await info.context.services.orders.count(self.wanted))

    @classmethod
    def of(
        cls,
        page: Page[OrderView],
        wanted: OrderFilter,
        order_by: OrderOrder,
        positions: PositionCodec,
    ) -> Self:
        sealed = OrderCursors(positions, order_by)
        cursors = [sealed.seal(order_by.key(order)) for order in page.items]
        nodes = [Order.of(order) for order in page.items]
        return cls.holding(page, cursors, nodes, wanted=wanted)
