"""Read a payment from the log, and record what a provider's answer adds to it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from activities.command_handler import CommandHandler, Step
from activities.keyed import handle_once
from activities.types.payment import AuthorizationOutcome, AuthorizationResult, AuthorizeInput
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.ids import payment_retry_step
from domain.order.commands import ConfirmOrder, MarkAuthorized
from domain.order.decide import ORDER
from domain.order.state import OrderState, OrderStatus
from domain.payment import commands as c
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentAuthorized
from domain.payment.hold import DEFAULT_HOLD, relied_on_until
from domain.payment.state import PaymentState, PaymentStatus
from providers.payments import ProviderPayment, ProviderPaymentState

_ANSWERED: Final = {
    ProviderPaymentState.AUTHORIZED: AuthorizationOutcome.AUTHORIZED,
    ProviderPaymentState.CAPTURED: AuthorizationOutcome.AUTHORIZED,
    ProviderPaymentState.CREATED: AuthorizationOutcome.PENDING,
    ProviderPaymentState.PENDING: AuthorizationOutcome.PENDING,
    ProviderPaymentState.DECLINED: AuthorizationOutcome.DECLINED,
    ProviderPaymentState.VOIDED: AuthorizationOutcome.DECLINED,
}
_COMPENSATING: Final = {OrderStatus.CANCELLING, OrderStatus.CANCELLED, OrderStatus.REJECTED}
_RECORDED: Final = {
    None: AuthorizationOutcome.DECLINED,
    PaymentStatus.REQUESTED: AuthorizationOutcome.PENDING,
    PaymentStatus.PENDING: AuthorizationOutcome.PENDING,
    PaymentStatus.AUTHORIZED: AuthorizationOutcome.AUTHORIZED,
    PaymentStatus.CAPTURED: AuthorizationOutcome.AUTHORIZED,
    PaymentStatus.REFUNDED: AuthorizationOutcome.AUTHORIZED,
    PaymentStatus.DECLINED: AuthorizationOutcome.DECLINED,
    PaymentStatus.REFUSED: AuthorizationOutcome.DECLINED,
    PaymentStatus.SETTLED_BY_OPERATOR: AuthorizationOutcome.DECLINED,
    PaymentStatus.VOIDED: AuthorizationOutcome.DECLINED,
}


class PaymentRecord:
    """`default_hold` is how long a hold lasts whose end the provider does not name."""

    def __init__(self, handler: CommandHandler, default_hold: timedelta = DEFAULT_HOLD) -> None:
        self._handler = handler
        self._default_hold = default_hold

    async def load(self, order_id: str) -> PaymentState:
        return await self._handler.load(PAYMENT, order_id)

    async def order(self, order_id: str) -> OrderState:
        return await self._handler.load(ORDER, order_id)

    async def request(self, authorize: AuthorizeInput, order: OrderState) -> KeyedResult:
        """Record an attempt before the provider is asked; return its position."""
        order_id, attempt = authorize.order_id, authorize.attempt
        if authorize.key is not None:
            await self._require_next(order_id, attempt, authorize.key)
            _require_no_compensation(order_id, order)
        return await handle_once(
            self._handler,
            Step.current(_request_key(authorize), order_id, authorize.actor),
            authorize.key,
            c.RequestPayment(
                aggregate_id=order_id,
                attempt=attempt,
                amount=order.total,
                method=authorize.method or order.payment_method,
            ),
        )

    async def _require_next(self, order_id: str, attempt: int, key: KeyUse) -> None:
        """Raise Refused when another request has made this attempt: this one would do nothing."""
        if (await self.load(order_id)).attempt < attempt:
            return
        if await self._handler.find_key(key) is None:
            raise Refused(
                ErrorCode.PAYMENT_NOT_RETRYABLE,
                f"order {order_id} has made another attempt to pay at this moment: read its state",
            )

    async def answer(
        self, order_id: str, payment: PaymentState, answer: ProviderPayment
    ) -> AuthorizationResult:
        """Record the outcome of the attempt that is the latest in `payment`.

        Raises Refused with PAYMENT_SUPERSEDED when an attempt that no longer counts holds money.
        """
        command = _command(order_id, payment.attempt, answer)
        step = Step.current(_key(payment, answer), order_id)
        if isinstance(command, c.RecordAuthorization):
            await self._authorized(step, command)
            return AuthorizationResult(
                AuthorizationOutcome.AUTHORIZED,
                payment.attempt,
                self._relied_on_until(datetime.now(UTC), command.capture_before),
            )
        await self._handler.handle(step, command)
        return await self.outcome(order_id)

    async def refusal(self, order_id: str, attempt: int, code: str) -> None:
        """Record that the provider refused to create the payment of this attempt."""
        await self._handler.handle(
            Step.current(f"authorize/{attempt}/refused", order_id),
            c.RecordRefusal(aggregate_id=order_id, attempt=attempt, code=code),
        )

    async def outcome(self, order_id: str) -> AuthorizationResult:
        """Return the outcome in the log, and confirm an order whose money is authorized."""
        payment = await self.load(order_id)
        if payment.status is PaymentStatus.AUTHORIZED:
            with suppress(Refused):  # the order does not go forward
                await self._handler.handle(
                    Step.current(f"authorize/{payment.attempt}/confirmed", order_id),
                    MarkAuthorized(aggregate_id=order_id),
                    ConfirmOrder(aggregate_id=order_id),
                )
        until = await self.relied_on_until(order_id, payment.capture_before)
        return AuthorizationResult(_RECORDED[payment.status], payment.attempt, until)

    async def relied_on_until(
        self, order_id: str, capture_before: datetime | None
    ) -> datetime | None:
        """Return the time until which the hold can be relied on; None if there was never a hold."""
        since = [
            stored.recorded_at
            for stored in await self._handler.events(PAYMENT, order_id)
            if stored.type == PaymentAuthorized.__name__
        ]
        return self._relied_on_until(since[-1], capture_before) if since else None

    def _relied_on_until(self, since: datetime, capture_before: datetime | None) -> datetime:
        return relied_on_until(since, capture_before, self._default_hold)

    async def is_unpaid(self, order_id: str, payment: PaymentState) -> bool:
        """Return whether the order has nothing to pay. It reads the order of no payment alone."""
        return payment.status is None and not (await self.order(order_id)).needs_payment

    async def confirm_unpaid(self, order_id: str) -> AuthorizationResult:
        """Confirm an order of nothing to pay. It has no attempt, and its payment no stream."""
        await self._handler.handle(
            Step.current("authorize/unpaid", order_id),
            MarkAuthorized(aggregate_id=order_id),
            ConfirmOrder(aggregate_id=order_id),
        )
        return AuthorizationResult(AuthorizationOutcome.AUTHORIZED, attempt=0)

    async def _authorized(self, step: Step, command: c.RecordAuthorization) -> None:
        """Record it with the order while the order goes forward; alone when the order
        compensates."""
        order_id = command.aggregate_id
        try:
            await self._handler.handle(
                step,
                command,
                MarkAuthorized(aggregate_id=order_id),
                ConfirmOrder(aggregate_id=order_id),
            )
        except Refused as refused:
            if refused.code is ErrorCode.PAYMENT_SUPERSEDED:
                raise
            await self._handler.handle(step, command)


def _require_no_compensation(order_id: str, order: OrderState) -> None:
    """Raise Refused for an order that gives its money back. A reset may leave a workflow running
    that still waits for another method."""
    if order.status in _COMPENSATING:
        raise Refused(
            ErrorCode.PAYMENT_NOT_RETRYABLE,
            f"order {order_id} is {order.status} and takes no further payment",
        )


def _request_key(authorize: AuthorizeInput) -> str:
    if authorize.key is None:
        return f"authorize/{authorize.attempt}/request"
    return payment_retry_step(authorize.key.id)


def _key(payment: PaymentState, answer: ProviderPayment) -> str:
    """Return the step key of an answer, with the number of the answers before it.

    A provider may report a pending payment several times: with another page of the bank, or with an
    earlier one again.
    """
    return f"authorize/{payment.attempt}/{_ANSWERED[answer.state]}/{payment.answers}"


def _command(order_id: str, attempt: int, answer: ProviderPayment) -> c.PaymentCommand:
    match _ANSWERED[answer.state]:
        case AuthorizationOutcome.AUTHORIZED:
            return c.RecordAuthorization(
                aggregate_id=order_id,
                attempt=attempt,
                reference=answer.reference,
                capture_before=answer.capture_before,
            )
        case AuthorizationOutcome.PENDING:
            return c.RecordPending(
                aggregate_id=order_id,
                attempt=attempt,
                reference=answer.reference,
                action_url=answer.action_url,
            )
        case AuthorizationOutcome.DECLINED:
            return c.RecordDecline(
                aggregate_id=order_id,
                attempt=attempt,
                reference=answer.reference,
                code=answer.decline_code or str(answer.state),
            )
