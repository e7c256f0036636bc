from __future__ import annotations

from functools import partial

import strawberry

from api.auth import Viewer
from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.errors import bad_input, forbidden
from api.orders.inputs import OrderFilter
from api.orders.references import wanted_metadata, wanted_reference
from api.orders.types import CURSOR_KIND, Order, OrderConnection, OrderOrder
from domain.identifiers import is_identifier
from queries.orders import OrderFilter as Wanted


@strawberry.type
class OrderQuery:
    @strawberry.field(
        description="The order with this id or this number. In a number, case and the hyphen do not"
        " matter. NOT_FOUND also for another customer's order."
    )
    async def order(
        self,
        info: Info,
        id: strawberry.ID | None = None,  # noqa: A002 - its name in the contract
        number: str | None = None,
    ) -> Order | None:
        if id is not None and number is None:
            return Order.of(await info.context.get_order(id))
        if id is None and number is not None:
            return Order.of(await info.context.get_order_by_number(number))
        raise bad_input("pass id or number, and not both")

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
    ) -> OrderConnection:
        positions = info.context.positions
        page = await info.context.services.orders.page(
            _wanted(filter or OrderFilter(), info.context.viewer),
            page_request(first, after, last, before, partial(positions.open, purpose=CURSOR_KIND)),
            newest_first=order_by is OrderOrder.PLACED_AT_DESC,
        )
        return OrderConnection.of(page, positions)


def _wanted(given: OrderFilter, viewer: Viewer) -> Wanted:
    customer_id = given.customer_id
    if customer_id is not None and not viewer.may_see(customer_id):
        raise forbidden("filter.customerId is for operators: leave it out")
    reference, metadata = wanted_reference(given.reference), wanted_metadata(given.metadata)
    if not viewer.is_staff:
        return Wanted(viewer.sub, given.status, reference, metadata)
    if customer_id is not None and not is_identifier(customer_id):
        return Wanted(statuses=[])
    return Wanted(customer_id, given.status, reference, metadata)
