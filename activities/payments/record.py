"""Read a payment from the log, and record what a provider's answer adds to it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from activities.command_handler import CommandHandler, Step
from activities.types import AuthorizationOutcome, AuthorizationResult, AuthorizeInput
from domain.errors import ErrorCode, Refused
from domain.ids import payment_retry_step
from domain.order.commands import ConfirmOrder, MarkAuthorized
from domain.order.decide import ORDER
from domain.order.state import OrderState
from domain.payment import commands as c
from domain.payment.decide import PAYMENT
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
_RECORDED: Final = {
    None: AuthorizationOutcome.DECLINED,
    PaymentStatus.REQUESTED: AuthorizationOutcome.PENDING,
    PaymentStatus.PENDING: AuthorizationOutcome.PENDING,
    PaymentStatus.AUTHORIZED: AuthorizationOutcome.AUTHORIZED,
    PaymentStatus.CAPTURED: AuthorizationOutcome.AUTHORIZED,
    PaymentStatus.REFUNDED: AuthorizationOutcome.AUTHORIZED,
    PaymentStatus.DECLINED: AuthorizationOutcome.DECLINED,
    PaymentStatus.VOIDED: AuthorizationOutcome.DECLINED,
}


class PaymentRecord:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    async def load(self, order_id: str) -> PaymentState:
        return await self._handler.load(PAYMENT, order_id)

    async def order(self, order_id: str) -> OrderState:
        return await self._handler.load(ORDER, order_id)

    async def request(self, authorize: AuthorizeInput, order: OrderState) -> int:
        """Record an attempt before the provider is asked; return its position."""
        order_id, attempt = authorize.order_id, authorize.attempt
        return await self._handler.handle(
            Step.current(_request_key(authorize), order_id, authorize.actor),
            c.RequestPayment(
                aggregate_id=order_id,
                attempt=attempt,
                amount=order.total,
                method=authorize.method or order.payment_method,
            ),
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
            return AuthorizationResult(AuthorizationOutcome.AUTHORIZED, payment.attempt)
        await self._handler.handle(step, command)
        return await self.outcome(order_id)

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
        return AuthorizationResult(_RECORDED[payment.status], payment.attempt)

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


def _request_key(authorize: AuthorizeInput) -> str:
    if authorize.key is None:
        return f"authorize/{authorize.attempt}/request"
    return payment_retry_step(authorize.key)


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
                aggregate_id=order_id, attempt=attempt, reference=answer.reference
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
