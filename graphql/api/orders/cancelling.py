"""Cancel an order, and answer repeats of the request."""

from __future__ import annotations

from api.context import Context
from api.idempotency import key_of, once
from api.orders.asking import ask_saga
from api.orders.inputs import CancelOrderInput
from api.orders.types import CancelOrderPayload, Order
from api.scalars import Position
from api.user_errors import UserError, bad_key, no_such_order
from domain.errors import Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.identifiers import is_idempotency_key
from domain.order.commands import CancellationReason, RequestCancellation
from queries.order_view import OrderView


async def cancel_order(request: CancelOrderInput, context: Context) -> CancelOrderPayload:
    if not is_idempotency_key(request.idempotency_key):
        return CancelOrderPayload(user_errors=[bad_key()])
    order = await context.find_order(request.order_id)
    if order is None:
        return CancelOrderPayload(user_errors=[no_such_order()])
    key = key_of("cancelOrder", request, context)
    try:
        position = await once(key, context, lambda: _cancel(order, key, context))
    except Refused as refused:
        return CancelOrderPayload(user_errors=[UserError.of(refused)])
    shown = Order.of(await context.get_order(order.id))
    return CancelOrderPayload(order=shown, position=Position(position))


async def _cancel(order: OrderView, key: KeyUse, context: Context) -> KeyedResult:
    is_own = context.viewer.sub == order.customer_id
    reason = CancellationReason.CUSTOMER_REQUEST if is_own else CancellationReason.OPERATOR_REQUEST

    async def ask(current: OrderView) -> KeyedResult:
        return await context.services.orchestrator.compensate_saga(
            order.id, reason=reason, actor=context.viewer.actor, key=key, seen=current.position
        )

    command = RequestCancellation(aggregate_id=order.id, reason=reason)
    return await ask_saga(order.id, command, key, context, ask)
