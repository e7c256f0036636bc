"""Attend to what the providers say of an order when none of its workflows waits for it."""

from __future__ import annotations

from dataclasses import replace

from temporalio import activity

from activities import interface
from activities.aftercare.bank import Bank, failed_refunds
from activities.command_handler import CommandHandler
from activities.parcels_back import ParcelsBack
from activities.reconciliation.discrepancies import DiscrepancyRecord
from activities.reconciliation.provider_comparison import ProviderComparison
from activities.saga import parked_steps
from activities.types.aftercare import AftercareResult, FailedRefund, RefundAgainInput
from activities.types.reconciliation import Discrepancy
from domain.ids import aftercare_workflow_id
from domain.order.decide import ORDER
from domain.order.state import FINAL, OrderStatus
from domain.payment.state import PaymentState
from domain.saga.commands import ReconciledSystem
from domain.saga.decide import SAGA
from domain.saga.plan import gives_back
from domain.shipping.decide import SHIPMENT
from domain.shipping.state import ShipmentStatus
from providers.carrier import Carrier, CarrierShipmentStatus
from providers.payments import PaymentProvider


class AftercareActivitiesImpl(interface.AftercareActivities):
    def __init__(
        self, handler: CommandHandler, payments: PaymentProvider, carrier: Carrier
    ) -> None:
        self._handler = handler
        self._carrier = carrier
        self._bank = Bank(handler, payments)
        self._back = ParcelsBack(handler, carrier)
        self._comparison = ProviderComparison(handler, payments, carrier)
        self._discrepancies = DiscrepancyRecord(handler)

    @activity.defn
    async def attend(self, order_id: str) -> AftercareResult:
        status = (await self._handler.load(ORDER, order_id)).status
        if status is None:  # the log may have lost the order: the recovery places it again
            return AftercareResult(is_open=True)
        payment = await self._bank.record(order_id)
        failed = await self._failed_refunds(order_id, payment)
        is_resumed = False
        if status in FINAL:
            is_resumed = await self._attend_to_goods(order_id)
            if not is_resumed:
                await self._compare(order_id, is_money_awaited=bool(failed))
        return await self._result(order_id, payment, failed, is_resumed=is_resumed)

    @activity.defn
    async def refund_again(self, again: RefundAgainInput) -> None:
        await self._bank.refund_again(again)

    async def _attend_to_goods(self, order_id: str) -> bool:
        """Return whether the goods of a lapsed return are back."""
        booking = (await self._handler.load(SHIPMENT, order_id)).booking
        shipment = await self._carrier.find(order_id=order_id, booking=booking)
        if shipment is not None and shipment.status is CarrierShipmentStatus.RETURNED_TO_SENDER:
            await self._back.record_returned_to_sender(order_id)
        return await self._back.resume_return(order_id)

    async def _compare(self, order_id: str, *, is_money_awaited: bool) -> None:
        """Record where the log and the providers still disagree: an operator decides on it.

        `is_money_awaited`: a step of the aftercare is about to change the money.
        """
        for comparison in await self._comparison.read(order_id):
            if is_money_awaited and comparison.system is ReconciledSystem.PAYMENT:
                continue
            if comparison.agrees:
                await self._discrepancies.settled(order_id, comparison.system)
            else:
                await self._discrepancies.found(
                    Discrepancy(order_id, comparison.system, comparison.ours, comparison.theirs)
                )

    async def _failed_refunds(
        self, order_id: str, payment: PaymentState
    ) -> tuple[FailedRefund, ...]:
        saga = await self._handler.load(SAGA, order_id)
        return tuple(
            replace(failed, is_retried=failed.step in saga.intervention_counts)
            for failed in failed_refunds(payment)
            if failed.step not in saga.settled
        )

    async def _result(
        self,
        order_id: str,
        payment: PaymentState,
        failed: tuple[FailedRefund, ...],
        *,
        is_resumed: bool,
    ) -> AftercareResult:
        status = (await self._handler.load(ORDER, order_id)).status
        saga = await self._handler.load(SAGA, order_id)
        parked = parked_steps(saga)
        shipment = await self._handler.load(SHIPMENT, order_id)
        has_closed_dispute = payment.closed_disputes > 0 and not payment.disputed
        ours = aftercare_workflow_id(order_id)
        return AftercareResult(
            is_open=status not in FINAL,
            return_resumed=is_resumed and status is OrderStatus.COMPLETED,
            has_parcel_back=shipment.status is ShipmentStatus.RETURNED_TO_SENDER,
            failed_refunds=failed,
            undisputed=tuple(
                each for each in parked if has_closed_dispute and gives_back(each.step)
            ),
            left_parked=tuple(each for each in parked if each.workflow_id == ours),
            settled=tuple(sorted(saga.settled)),
        )
