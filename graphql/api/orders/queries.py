from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Context, Info
from api.errors import bad_input
from api.orders.connection import OrderConnection
from api.orders.cursors import OrderCursors
from api.orders.filtering import wanted_orders
from api.orders.history import order_then, past_reader
from api.orders.inputs import OrderFilter
from api.orders.types import Order
from api.replica import check_min_position
from api.scalars import Position
from queries.order_sort import OrderOrder
from queries.order_view import OrderView

AsOf = Annotated[
    Position | None,
    strawberry.argument(description="Show the order after its events up to this position."),
]
At = Annotated[
    datetime | None,
    strawberry.argument(
        description="Show the order after the events that were recorded up to this time, which "
        "needs a time zone and must be past."
    ),
]

MinPosition = Annotated[
    Position | None,
    strawberry.argument(
        description="Answer from a state that includes everything up to this position, for example "
        "your own write. BAD_USER_INPUT for a position that the log has not reached."
    ),
]


@strawberry.type
class OrderQuery:
    @strawberry.field(
        description="The order with this id or this number. In a number, case and the hyphen do not"
        " matter. NOT_FOUND also for another customer's order. With `asOf` or `at`, the order as it"
        " was then, or NOT_FOUND if it had not been placed yet."
    )
    async def order(  # noqa: PLR0913, PLR0917 - the arguments of the contract
        self,
        info: Info,
        id: strawberry.ID | None = None,  # noqa: A002 - its name in the contract
        number: str | None = None,
        as_of: AsOf = None,
        at: At = None,
        min_position: MinPosition = None,
    ) -> Order | None:
        if (id is None) == (number is None):
            raise bad_input("pass id or number, and not both")
        await check_min_position(info.context, min_position)
        read_past = await past_reader(info.context, as_of, at)
        order = await _order(info.context, id, number)
        return Order.of(order if read_past is None else await order_then(order, read_past))

    @strawberry.field(description="The orders of the customer. Operators see all orders.")
    async def orders(  # noqa: PLR0913 - a connection's arguments
        self,
        info: Info,
        *,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
        filter: OrderFilter | None = None,  # noqa: A002 - its name in the contract
        order_by: OrderOrder = OrderOrder.PLACED_AT_DESC,
        min_position: MinPosition = None,
    ) -> OrderConnection:
        await check_min_position(info.context, min_position)
        positions = info.context.positions
        cursors = OrderCursors(positions, order_by)
        search_key = info.context.services.search_key
        wanted = wanted_orders(filter or OrderFilter(), order_by, info.context.viewer, search_key)
        request = page_request(first, after, last, before, cursors.open)
        page = await info.context.services.orders.page(wanted, request, order_by)
        return OrderConnection.of(page, wanted, order_by, positions)


async def _order(context: Context, order_id: str | None, number: str | None) -> OrderView:
    if number is not None:
        return await context.get_order_by_number(number)
    return await context.get_order(order_id or "")
