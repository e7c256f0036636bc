"""Promise a refund once, even if the request is repeated, and run its saga."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pydantic import ValidationError

from api.context import Context
from api.idempotency import key_of, once
from api.orders.returning import check_lines, lines_of
from api.orders.types import Order
from api.refunds.inputs import RefundDetails, RefundOrderInput
from api.refunds.payloads import RefundOrderPayload
from api.refunds.types import OrderRefund
from api.scalars import Position
from api.user_errors import UserError, input_error, invalid_inputs, no_such_order
from domain.errors import ErrorCode, Refused
from domain.ids import refund_key
from domain.money import Money
from domain.order.commands import RequestRefund
from orchestrator.translation import Unavailable
from queries.order_view import OrderView


async def refund_order(request: RefundOrderInput, context: Context) -> RefundOrderPayload:
    if errors := list(_check(request)):
        return RefundOrderPayload(user_errors=errors)
    order = await context.find_order(request.order_id)
    if order is None:
        return RefundOrderPayload(user_errors=[no_such_order()])
    try:
        command = _command(request, order, context)
        key = key_of("refundOrder", request, context)
        position = await once(
            key,
            context,
            lambda: context.services.orchestrator.execute(
                command, key=key, actor=context.viewer.actor
            ),
        )
    except Refused as refused:
        return RefundOrderPayload(user_errors=[UserError.of(refused)])
    return await _started(order.id, command.key, position, context)


async def _started(order_id: str, key: str, position: int, context: Context) -> RefundOrderPayload:
    """Run the saga of the promised refund. If it cannot start, recovery starts it."""
    refund = await context.services.refunds.made_under(order_id, key)
    if refund is None:
        raise Unavailable("the refund cannot be read yet; repeat the request with the same key")
    with suppress(Unavailable):
        await context.services.orchestrator.run_refund(order_id, refund.number)
    return RefundOrderPayload(
        order=Order.of(await context.get_order(order_id)),
        refund=OrderRefund.of(refund),
        position=Position(position),
    )


def _command(request: RefundOrderInput, order: OrderView, context: Context) -> RequestRefund:
    """Raises Refused for an amount in another currency, or one that no provider can move."""
    amount = request.amount
    if amount is not None and amount.currency != order.total.currency:
        message = f"the order is in {order.total.currency}: name the amount in it"
        field = ("input", "amount", "currency")
        raise Refused(ErrorCode.CURRENCY_MISMATCH, message, field)
    if amount is not None and amount.amount <= order.total.amount:  # the order refuses more
        money = Money(amount=amount.amount, currency=amount.currency)
        context.services.charge_limits.check_refund(money)
    return RequestRefund(
        aggregate_id=order.id,
        key=refund_key(context.viewer.sub, request.idempotency_key),
        amount=None if amount is None else amount.amount,
        lines=lines_of(request.lines),
        reason=request.reason,
    )


def _check(request: RefundOrderInput) -> Iterator[UserError]:
    """Yield the errors that do not depend on the order."""
    try:
        RefundDetails(idempotency_key=request.idempotency_key, reason=request.reason)
    except ValidationError as error:
        yield from invalid_inputs(error)
    if (request.amount is None) == (request.lines is None):
        yield input_error(
            ErrorCode.INVALID_INPUT, "name either an amount or lines, not both", "amount"
        )
    if request.amount is not None and request.amount.amount < 1:
        message = "an amount is at least 1, in the currency's minor unit"
        yield input_error(ErrorCode.INVALID_INPUT, message, "amount", "amount")
    if request.lines is not None:
        yield from check_lines(request.lines, "name at least one line, or an amount")
