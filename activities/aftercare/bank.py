"""Record what happens to a captured payment at the customer's bank: failed refunds and disputes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from activities.command_handler import CommandHandler, Step
from activities.payments.refund_record import RefundRecord
from activities.payments.refunds import Refunds
from activities.types.aftercare import FailedRefund, RefundAgainInput
from domain.money import Money
from domain.payment import commands as c
from domain.payment.decide import PAYMENT
from domain.payment.state import Dispute, PaymentState
from providers.errors import NotPermitted
from providers.payments import PaymentProvider, ProviderDispute, ProviderDisputeState

logger = logging.getLogger(__name__)

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
        self._refund_record = RefundRecord(handler, provider)

    async def record(self, order_id: str) -> PaymentState:
        """Record what is new; return the payment after it.

        The log is read first: a refund that it holds was in the provider's records before.
        """
        payment = await self._handler.load(PAYMENT, order_id)
        if payment.reference is None:
            return payment
        if payment.captured:
            listed = await self._refunds.listed(payment.reference)
            for purpose, remains in listed.lacking(payment.refunds).items():
                await self._record_failure(order_id, purpose, remains)
            await self._refund_record.record_elsewhere(order_id, listed)
        # An operator may have captured outside Waybill what the bank disputes.
        for dispute in await self._disputes(payment.reference):
            await self._record_dispute(order_id, dispute)
        return await self._handler.load(PAYMENT, order_id)

    async def refund_again(self, again: RefundAgainInput) -> None:
        order_id = again.order_id
        payment = await self._handler.load(PAYMENT, order_id)
        failed = payment.failed_refunds.get(again.number)
        if failed is None or payment.reference is None:
            return
        purpose, before = failed.purpose, payment.refunds.get(failed.purpose, 0)
        listed = await self._refunds.give(
            order_id,
            purpose,
            payment.reference,
            wanted=before + failed.amount,
            captured=payment.captured,
            step=again.step,
        )
        given = Money(amount=listed.by_purpose.get(purpose, 0), currency=payment.amount.currency)
        await self._handler.handle(
            Step.current(again.step, order_id),
            c.RecordRefund(
                aggregate_id=order_id, purpose=purpose, given=given, repeats=again.number
            ),
        )

    async def _disputes(self, reference: str) -> Sequence[ProviderDispute]:
        """Return the disputes; none for an API key without the right to read them."""
        try:
            return await self._provider.disputes(reference=reference)
        except NotPermitted as denied:
            logger.warning("the disputes are not read: %s", denied)
            return []

    async def _record_failure(self, order_id: str, purpose: str, remains: int) -> None:
        payment = await self._handler.load(PAYMENT, order_id)
        money = Money(amount=remains, currency=payment.amount.currency)
        await self._handler.handle(
            Step.current(f"refund_failed/{payment.failures + 1}", order_id),
            c.RecordRefundFailure(aggregate_id=order_id, purpose=purpose, remains=money),
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


def is_recorded(dispute: ProviderDispute, payment: PaymentState) -> bool:
    """Return whether the log knows the dispute as the provider shows it."""
    now = Dispute(dispute.amount, _OUTCOMES[dispute.state])
    return payment.disputes.get(dispute.id) == now


def failed_refunds(payment: PaymentState) -> list[FailedRefund]:
    """Return the refunds to be made good, unless a later refund has given everything back."""
    if payment.refunded >= payment.refundable:
        return []
    return [
        FailedRefund(number, failed.amount, payment.amount.currency)
        for number, failed in sorted(payment.failed_refunds.items())
    ]
