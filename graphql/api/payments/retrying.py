"""Retry a payment with another method, and answer repeats of the request."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from api.context import Context
from api.idempotency import mark_replayed
from api.lost import check_is_recorded
from api.orders.types import Order
from api.payments.inputs import RetryPaymentDetails, RetryPaymentInput
from api.payments.types import RetryPaymentPayload
from api.scalars import Position
from api.user_errors import UserError, input_error, invalid_inputs, no_such_order
from domain.errors import ErrorCode, Refused
from domain.order.state import OrderStatus
from domain.payment.decide import RETRYABLE
from orchestrator.saga_orchestrator import NoSuchSaga, Unavailable
from queries.order_view import OrderView
from queries.payments import AskedBefore

UNPAID: Final = {OrderStatus.RESERVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED}
"""The statuses in which a payment may be owed: a parcel may have left although its hold was gone.
"""


async def retry_payment(request: RetryPaymentInput, context: Context) -> RetryPaymentPayload:
    try:
        details = RetryPaymentDetails(
            idempotency_key=request.idempotency_key, payment_method=request.payment_method
        )
        return await _retry(request.order_id, details, context)
    except ValidationError as error:
        return RetryPaymentPayload(user_errors=list(invalid_inputs(error)))
    except Refused as refused:
        return RetryPaymentPayload(user_errors=[UserError.of(refused)])


async def _retry(
    order_id: str, details: RetryPaymentDetails, context: Context
) -> RetryPaymentPayload:
    order = await context.find_order(order_id)
    if order is None:
        return RetryPaymentPayload(user_errors=[no_such_order()])
    earlier = await context.services.payments.asked_under(order.id, details.idempotency_key)
    if earlier is not None:
        return _replay(order, earlier, details)
    try:
        position = await context.services.orchestrator.retry_payment(
            order.id,
            details.payment_method,
            idempotency_key=details.idempotency_key,
            actor=context.viewer.actor,
        )
        await check_is_recorded(position, context.services)
    except NoSuchSaga:
        raise await _why_none_waits(order.id, context) from None
    order = await context.get_order(order.id)
    return RetryPaymentPayload(order=Order.of(order), position=Position(position))


def _replay(
    order: OrderView, earlier: AskedBefore, details: RetryPaymentDetails
) -> RetryPaymentPayload:
    """Answer a repeated request, regardless of the payment's state since then."""
    if earlier.method != details.payment_method:
        message = "this idempotency key was used for another method; use a new key for a new one"
        reused = input_error(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
        return RetryPaymentPayload(user_errors=[reused])
    mark_replayed()
    return RetryPaymentPayload(order=Order.of(order), position=Position(earlier.position))


async def _why_none_waits(order_id: str, context: Context) -> Refused | Unavailable:
    """Return the reason why no payment waits.

    A worker may have died between the decline and the opening of the payment window.
    """
    order = await context.get_order(order_id)
    if order.status in UNPAID and order.payment and order.payment.status in RETRYABLE:
        return Unavailable("the payment window is about to open; try again")
    message = "no payment of this order waits for another method"
    return Refused(ErrorCode.PAYMENT_NOT_RETRYABLE, message)
