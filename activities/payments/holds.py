"""Look up the hold of a payment, and record its end."""

from __future__ import annotations

from http import HTTPStatus

from activities.command_handler import CommandHandler, Step
from activities.payments.attempts import Attempts
from activities.payments.record import PaymentRecord
from activities.saga import load_progress
from activities.types.order import OrderProgress
from activities.types.payment import HoldInput, HoldResult
from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order.commands import WithdrawConfirmation
from domain.payment.commands import HoldEnd, RecordCapture, RecordHoldEnd, RecordVoid
from domain.payment.state import TAKEN, PaymentState, PaymentStatus
from providers.errors import PaymentMissing, ProviderRefused
from providers.payments import PaymentProvider, ProviderPayment, ProviderPaymentState


class Holds:
    def __init__(
        self, handler: CommandHandler, provider: PaymentProvider, record: PaymentRecord
    ) -> None:
        self._handler = handler
        self._provider = provider
        self._record = record
        self._attempts = Attempts(provider)

    async def check(self, order_id: str) -> HoldResult:
        """Ask the provider whether it still holds the money, or has captured it."""
        payment = await self._record.load(order_id)
        if await self._record.is_unpaid(order_id, payment):
            return HoldResult(payment.attempt, True, None)  # there is nothing to hold
        if payment.status is not PaymentStatus.AUTHORIZED:
            return HoldResult(payment.attempt, payment.status in TAKEN, None)
        there = await self._known(payment)
        if there is None or there.state is ProviderPaymentState.VOIDED:
            return HoldResult(payment.attempt, False, None)
        if there.state is ProviderPaymentState.CAPTURED:
            return HoldResult(payment.attempt, True, None)
        capture_before = there.capture_before or payment.capture_before
        until = await self._record.relied_on_until(order_id, capture_before)
        return HoldResult(payment.attempt, True, until)

    async def end(self, hold: HoldInput) -> OrderProgress:
        """Void what is still held, record the end of the hold, and ask the customer again.

        The parcel must be stopped before. A payment that was captured at the provider is kept.
        """
        order_id = hold.order_id
        payment = await self._record.load(order_id)
        if payment.attempt == hold.attempt and payment.status is PaymentStatus.AUTHORIZED:
            if await self._is_released(payment):
                await self._end(hold, HoldEnd.RELEASED)
            elif await self._attempts.free(order_id, payment, hold.attempt) is None:
                await self._end(hold, HoldEnd.RUNNING_OUT)
        return await load_progress(self._handler, order_id)

    async def release(self, order_id: str) -> None:
        """Follow an operator who has settled the capture.

        A payment that was captured at the provider is recorded as such. What is still held is
        voided when the capture was skipped, and left to the operator when it was resolved. An
        attempt that the customer could still approve is voided in both cases.
        """
        payment = await self._record.load(order_id)
        if payment.status in {None, PaymentStatus.VOIDED, *TAKEN}:
            return
        captured = await self._look(payment)
        if captured is None or captured.state is not ProviderPaymentState.CAPTURED:
            if payment.status is PaymentStatus.SETTLED_BY_OPERATOR:
                await self._attempts.end_open(order_id, payment)
                return
            captured = await self._attempts.free_until(order_id, payment, payment.attempt)
        await self._handler.handle(
            Step.current("release_hold", order_id),
            RecordVoid(aggregate_id=order_id, attempt=payment.attempt)
            if captured is None
            else RecordCapture(
                aggregate_id=order_id,
                amount=Money(amount=captured.captured, currency=captured.currency),
            ),
        )

    async def check_owed(self, order_id: str, payment: PaymentState) -> None:
        """Record the end of the hold of a parcel that has left. Raises Refused if it has ended."""
        if await self._is_released(payment):
            await self._end(HoldInput(order_id, payment.attempt), HoldEnd.RELEASED)
            raise owed(order_id)

    async def _end(self, hold: HoldInput, cause: HoldEnd) -> None:
        await self._handler.handle(
            Step.current(f"hold/{hold.attempt}", hold.order_id),
            RecordHoldEnd(aggregate_id=hold.order_id, attempt=hold.attempt, cause=cause),
            WithdrawConfirmation(aggregate_id=hold.order_id),
        )

    async def _is_released(self, payment: PaymentState) -> bool:
        there = await self._known(payment)
        return there is None or there.state is ProviderPaymentState.VOIDED

    async def _known(self, payment: PaymentState) -> ProviderPayment | None:
        """Return None when no payment was made. Raises PaymentMissing for one that was."""
        there = await self._look(payment)
        if there is None and payment.reference is not None:
            raise PaymentMissing("payments", "get")
        return there

    async def _look(self, payment: PaymentState) -> ProviderPayment | None:
        """Return None when the provider knows of no payment, and so holds none."""
        if payment.reference is None:
            return None
        try:
            return await self._provider.get(reference=payment.reference)
        except ProviderRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None


def owed(order_id: str) -> Refused:
    return Refused(
        ErrorCode.PAYMENT_OWED,
        f"order {order_id} has left and its payment holds no money: the customer has to pay again",
    )
