"""Asks the payment provider and records its answer."""

from __future__ import annotations

from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.types import AuthorizationOutcome, Authorize, Recorded
from domain.errors import ErrorCode, Refused
from domain.order.commands import ConfirmOrder, MarkAuthorized
from domain.order.decide import ORDER
from domain.payment import commands as c
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState, PaymentStatus
from providers.payments import PaymentProvider, ProviderPayment
from providers.payments import PaymentState as ProviderState

_OUTCOMES: Final = {
    ProviderState.AUTHORIZED: AuthorizationOutcome.AUTHORIZED,
    ProviderState.CAPTURED: AuthorizationOutcome.AUTHORIZED,
    ProviderState.CREATED: AuthorizationOutcome.PENDING,
    ProviderState.PENDING: AuthorizationOutcome.PENDING,
    ProviderState.DECLINED: AuthorizationOutcome.DECLINED,
    ProviderState.VOIDED: AuthorizationOutcome.DECLINED,
}


class PaymentActivities(interface.PaymentActivities):
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider

    @activity.defn
    async def authorize(self, authorize: Authorize) -> AuthorizationOutcome:
        await self._supersede(authorize)
        await self._request(authorize)
        payment = await self._load(authorize.order_id)
        if payment.attempt != authorize.attempt or payment.status is PaymentStatus.VOIDED:
            return AuthorizationOutcome.DECLINED  # overtaken by a later attempt or by the undo
        answer = await self._ask(authorize.order_id, payment)
        return await self._record(authorize.order_id, payment.attempt, answer)

    @activity.defn
    async def request_payment(self, authorize: Authorize) -> Recorded:
        return Recorded(await self._request(authorize))

    @activity.defn
    async def look_up(self, order_id: str) -> AuthorizationOutcome:
        payment = await self._load(order_id)
        answer = await self._find(order_id, payment)
        return await self._record(order_id, payment.attempt, answer)

    @activity.defn
    async def void(self, order_id: str) -> None:
        payment = await self._load(order_id)
        if payment.status is not None:
            await self._void(order_id, payment, payment.attempt)
        await self._handler.handle(
            Step.current("void", order_id), c.RecordVoid(aggregate_id=order_id)
        )

    @activity.defn
    async def capture(self, order_id: str) -> None:
        payment = await self._load(order_id)
        if payment.reference is None:
            raise Refused(ErrorCode.WRONG_STATE, f"order {order_id} has no payment to capture")
        await self._provider.capture(
            reference=payment.reference,
            amount=payment.amount.amount,
            key=f"{order_id}/{payment.attempt}/capture",
        )
        await self._handler.handle(
            Step.current("capture", order_id),
            c.RecordCapture(aggregate_id=order_id, amount=payment.amount),
        )

    async def _supersede(self, authorize: Authorize) -> None:
        """One attempt at a time: the customer may still be looking at the last one's page."""
        if authorize.attempt > 1:
            payment = await self._load(authorize.order_id)
            await self._void(authorize.order_id, payment, authorize.attempt - 1)

    async def _request(self, authorize: Authorize) -> int:
        order = await self._handler.load(ORDER, authorize.order_id)
        return await self._handler.handle(
            Step.current(
                f"authorize/{authorize.attempt}/request", authorize.order_id, authorize.actor
            ),
            c.RequestPayment(
                aggregate_id=authorize.order_id,
                attempt=authorize.attempt,
                amount=order.total,
                method=authorize.method or order.payment_method,
            ),
        )

    async def _ask(self, order_id: str, payment: PaymentState) -> ProviderPayment:
        """Look before leaping: what an earlier try has settled is not asked for again."""
        if activity.info().attempt > 1:
            found = await self._find(order_id, payment)
            if found.state is not ProviderState.CREATED:
                return found
        return await self._provider.authorize(
            order_id=order_id,
            attempt=payment.attempt,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
            method=payment.method,
        )

    async def _find(self, order_id: str, payment: PaymentState) -> ProviderPayment:
        if payment.reference is not None:
            return await self._provider.get(reference=payment.reference)
        return await self._provider.find(
            order_id=order_id,
            attempt=payment.attempt,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
        )

    async def _void(self, order_id: str, payment: PaymentState, attempt: int) -> None:
        await self._provider.void(
            order_id=order_id,
            attempt=attempt,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
            reference=payment.references.get(attempt),
        )

    async def _record(
        self, order_id: str, attempt: int, answer: ProviderPayment
    ) -> AuthorizationOutcome:
        outcome = _OUTCOMES[answer.state]
        step = Step.current(f"authorize/{attempt}/{outcome}", order_id)
        command = _command(order_id, attempt, outcome, answer)
        if outcome is AuthorizationOutcome.AUTHORIZED:
            await self._record_authorized(step, command)
        else:
            await self._handler.handle(step, command)
        return outcome

    async def _record_authorized(self, step: Step, command: c.PaymentCommand) -> None:
        """With the order, if it still goes forward; by itself, if it is turning round."""
        order_id = command.aggregate_id
        try:
            await self._handler.handle(
                step,
                command,
                MarkAuthorized(aggregate_id=order_id),
                ConfirmOrder(aggregate_id=order_id),
            )
        except Refused:
            await self._handler.handle(step, command)

    async def _load(self, order_id: str) -> PaymentState:
        return await self._handler.load(PAYMENT, order_id)


def _command(
    order_id: str, attempt: int, outcome: AuthorizationOutcome, answer: ProviderPayment
) -> c.PaymentCommand:
    match outcome:
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
