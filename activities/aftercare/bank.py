"""Record what happens to a captured payment at the customer's bank: failed refunds and disputes."""

from __future__ import annotations

from typing import Final

from activities.command_handler import CommandHandler, Step
from activities.payments.refunds import Refunds
from activities.types import FailedRefund, RefundAgainInput
from domain.money import Money
from domain.payment import commands as c
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState
from providers.payments import PaymentProvider, ProviderDispute, ProviderDisputeState

_OUTCOMES: Final = {
    ProviderDisputeState.OPEN: None,
    ProviderDisputeState.WON: c.DisputeOutcome.WON,
    ProviderDisputeState.LOST: c.DisputeOutcome.LOST,
}


class Bank:
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider
        self._refunds = Refunds(handler, provider)

    async def record(self, order_id: str) -> PaymentState:
        """Record what is new; return the payment after it.

        The log is read first: a refund that it holds was in the provider's records before.
        """
        payment = await self._handler.load(PAYMENT, order_id)
        if payment.reference is None or not payment.captured:
            return payment
        there = await self._provider.get(reference=payment.reference)
        if there.refunded < payment.refunded:
            await self._record_failure(order_id, payment, there.refunded)
        for dispute in await self._provider.disputes(reference=payment.reference):
            await self._record_dispute(order_id, dispute)
        return await self._handler.load(PAYMENT, order_id)

    async def refund_again(self, again: RefundAgainInput) -> None:
        order_id = again.order_id
        payment = await self._handler.load(PAYMENT, order_id)
        amount = payment.failed_refunds.get(again.number)
        due = min(payment.refunded + (amount or 0), payment.refundable)
        if amount is None or payment.reference is None or due <= payment.refunded:
            return
        refunded = await self._refunds.give(order_id, again.step, payment.reference, due)
        money = Money(amount=refunded, currency=payment.amount.currency)
        await self._handler.handle(
            Step.current(again.step, order_id),
            c.RecordRefund(aggregate_id=order_id, refunded_in_all=money, repeats=again.number),
        )

    async def _record_failure(self, order_id: str, payment: PaymentState, remains: int) -> None:
        money = Money(amount=remains, currency=payment.amount.currency)
        await self._handler.handle(
            Step.current(f"refund_failed/{payment.failures + 1}", order_id),
            c.RecordRefundFailure(aggregate_id=order_id, refunded_in_all=money),
        )

    async def _record_dispute(self, order_id: str, dispute: ProviderDispute) -> None:
        so_far = len(await self._handler.events(PAYMENT, order_id))
        await self._handler.handle(
            Step.current(f"dispute/{dispute.id}/{so_far + 1}", order_id),
            c.RecordDispute(
                aggregate_id=order_id,
                dispute_id=dispute.id,
                amount=Money(amount=dispute.amount, currency=dispute.currency),
                reason=dispute.reason,
                outcome=_OUTCOMES[dispute.state],
            ),
        )


def failed_refunds(payment: PaymentState) -> list[FailedRefund]:
    """Return the refunds to be made good, unless a later refund has given everything back."""
    if payment.refunded >= payment.refundable:
        return []
    return [
        FailedRefund(number, amount, payment.amount.currency)
        for number, amount in sorted(payment.failed_refunds.items())
    ]
