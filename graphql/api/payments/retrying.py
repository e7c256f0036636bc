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
from domain.payment.attempts import check_attempts_left
from domain.payment.state import RETRYABLE
from orchestrator.translation import NoSuchSaga, Unavailable
from queries.order_view import OrderView

MAX_TRIES: Final = 2

UNPAID: Final = {OrderStatus.RESERVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED}
"""The statuses in which a payment may be owed: a parcel may have left although its hold was gone.
"""


async def retry_payment(request: RetryPaymentInput, context: Context) -> RetryPaymentPayload:
    try:
        details = RetryPaymentDetails(
            idempotency_key=request.idempotency_key, payment_method=request.payment_method
        )
    except ValidationError as error:
        return RetryPaymentPayload(user_errors=list(invalid_inputs(error)))
    try:
        return await _retry(request, details, context)
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
    """Ask the payment's workflow, if the log says that the payment waits for its customer.

    Its workflow may be missing then: a worker may have died between the decline and the opening of
    the payment window, or an operator has terminated the workflow.
    """
    orchestrator = context.services.orchestrator
    for _ in range(MAX_TRIES):
        order = await context.get_order(order_id)
        _check_waits(order)
        context.count_saga_request()
        try:
            return await orchestrator.retry_payment(
                order.id,
                details.payment_method,
                key=key,
                actor=context.viewer.actor,
                seen=order.position,
            )
        except NoSuchSaga:
            _check_waits(await context.get_order(order_id))
        await orchestrator.recover(order.id, order.customer_id)  # changes nothing while it runs
    raise Unavailable("the payment window is about to open; try again")


def _check_waits(order: OrderView) -> None:
    """Raise Refused, unless the payment waits for its customer by the log.

    A workflow accepts a limited number of updates in its life. So a request that the log refuses
    never reaches it.
    """
    payment = order.payment
    if order.status not in UNPAID or payment is None or payment.status not in RETRYABLE:
        message = "no payment of this order waits for another method"
        raise Refused(ErrorCode.PAYMENT_NOT_RETRYABLE, message)
    check_attempts_left(order.id, payment.attempt + 1)
