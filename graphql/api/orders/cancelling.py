"""Cancel an order, and answer repeats of the request."""

from __future__ import annotations

from api.context import Context
from api.lost import check_is_recorded
from api.orders.inputs import CancelOrderInput
from api.orders.types import CancelOrderPayload, Order
from api.scalars import Position
from api.user_errors import UserError, bad_key, no_such_order
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_identifier
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from orchestrator.saga_orchestrator import NoSuchSaga

UNDER_WAY = frozenset({OrderStatus.CANCELLING, OrderStatus.CANCELLED})


async def cancel_order(request: CancelOrderInput, context: Context) -> CancelOrderPayload:
    if not is_identifier(request.idempotency_key):
        return CancelOrderPayload(user_errors=[bad_key()])
    order = await context.find_order(request.order_id)
    if order is None:
        return CancelOrderPayload(user_errors=[no_such_order()])
    viewer, services = context.viewer, context.services
    own = viewer.sub == order.customer_id
    reason = CancellationReason.CUSTOMER_REQUEST if own else CancellationReason.OPERATOR_REQUEST
    try:
        position = await services.orchestrator.compensate_saga(
            order.id, reason=reason, actor=viewer.actor
        )
        await check_is_recorded(position, services)
    except Refused as refused:
        return CancelOrderPayload(user_errors=[UserError.of(refused)])
    except NoSuchSaga:
        return await _ended(order.id, context)
    return _payload(Order.of(await context.get_order(order.id)), position)


async def _ended(order_id: str, context: Context) -> CancelOrderPayload:
    """Answer for an order without a saga: succeed if it was cancelled, else refuse."""
    order = await context.get_order(order_id)
    if order.status in UNDER_WAY:
        return _payload(Order.of(order), order.position)
    message = f"the order is {order.status} and can no longer be cancelled"
    refused = Refused(ErrorCode.ORDER_NOT_CANCELLABLE, message)
    return CancelOrderPayload(user_errors=[UserError.of(refused)])


def _payload(order: Order, position: int) -> CancelOrderPayload:
    return CancelOrderPayload(order=order, position=Position(position))
