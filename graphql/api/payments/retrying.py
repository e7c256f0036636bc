"""Retry a payment with another method, and answer repeats of the request."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from api.context import Context
from api.idempotency import key_of, once
from api.orders.types import Order
from api.payments.inputs import RetryPaymentDetails, RetryPaymentInput
from api.payments.types import RetryPaymentPayload
from api.scalars import Position
from api.user_errors import UserError, invalid_inputs, no_such_order
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.order.state import OrderStatus
from domain.payment.state import RETRYABLE
from orchestrator.translation import NoSuchSaga, Unavailable

UNPAID: Final = {OrderStatus.RESERVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED}
"""The statuses in which a payment may be owed: a parcel may have left although its hold was gone.
"""


async def retry_payment(request: RetryPaymentInput, context: Context) -> RetryPaymentPayload:
    try:
        details = RetryPaymentDetails(
            idempotency_key=request.idempotency_key, payment_method=request.payment_method
        )
        return await _retry(request, details, context)
    except ValidationError as error:
        return RetryPaymentPayload(user_errors=list(invalid_inputs(error)))
    except Refused as refused:
        return RetryPaymentPayload(user_errors=[UserError.of(refused)])


async def _retry(
    request: RetryPaymentInput, details: RetryPaymentDetails, context: Context
) -> RetryPaymentPayload:
    order = await context.find_order(request.order_id)
    if order is None:
        return RetryPaymentPayload(user_errors=[no_such_order()])
    order_id, key = order.id, key_of("retryPayment", request, context)
    position = await once(key, context, lambda: _ask(order_id, details, key, context))
    order = await context.get_order(order_id)
    return RetryPaymentPayload(order=Order.of(order), position=Position(position))


async def _ask(
    order_id: str, details: RetryPaymentDetails, key: KeyUse, context: Context
) -> KeyedResult:
    """Ask the payment's workflow. When no payment waits for its customer, say why."""
    orchestrator = context.services.orchestrator

    async def ask() -> KeyedResult:
        order = await context.get_order(order_id)
        return await orchestrator.retry_payment(
            order.id,
            details.payment_method,
            key=key,
            actor=context.viewer.actor,
            seen=order.position,
        )

    context.count_saga_request()
    try:
        return await ask()
    except NoSuchSaga:
        await _check_waits(order_id, context)
    order = await context.get_order(order_id)
    await orchestrator.recover(order.id, order.customer_id)  # changes nothing while its saga runs
    try:
        return await ask()
    except NoSuchSaga:
        await _check_waits(order_id, context)
        raise Unavailable("the payment window is about to open; try again") from None


async def _check_waits(order_id: str, context: Context) -> None:
    """Raise Refused, unless the payment waits for its customer by the log.

    Its workflow may be missing then: a worker may have died between the decline and the opening of
    the payment window, or an operator has terminated the workflow.
    """
    order = await context.get_order(order_id)
    if order.status in UNPAID and order.payment and order.payment.status in RETRYABLE:
        return
    message = "no payment of this order waits for another method"
    raise Refused(ErrorCode.PAYMENT_NOT_RETRYABLE, message)
