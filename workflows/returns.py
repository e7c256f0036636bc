"""A return: fetched by the carrier, and refunded once the goods are back."""

from __future__ import annotations

from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import OrderActivities, PaymentActivities, ShippingActivities
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from domain.saga import plan
from workflows.backorder_notifications import notify_waiting_orders
from workflows.saga import SagaRunner
from workflows.saga_workflow import SagaWorkflow
from workflows.types import ReturnResult, ReturnWorkflowInput
from workflows.uncancellable import uncancellable

LAPSE: Final = "lapse_return"
FINISH: Final = "finish_return"


@workflow.defn
class ReturnWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, saga: ReturnWorkflowInput) -> None:
        self._id = saga.order_id
        self._deadlines = saga.deadlines
        self._saga = SagaRunner(saga.order_id, saga.deadlines, settled=saga.settled)
        self._requested_at = saga.requested_at
        self._left_parked = saga.parked
        self._are_back = False
        self._may_have_missed_notification = saga.may_have_missed_notification
        self._is_overdue = False

    @workflow.run
    async def run(self, saga: ReturnWorkflowInput) -> ReturnResult:
        """Nothing cancels it: the customer has been promised the money."""
        del saga  # the SDK hands it to __init__ as well
        return await uncancellable(
            self._story(), on_cancel=lambda: workflow.logger.warning("a return is not cancelled")
        )

    async def _story(self) -> ReturnResult:
        """A return is a way back itself: it is insisted on, and never turned round."""
        await self._saga.parked.take_over(self._left_parked)
        run_until_settled = self._saga.run_until_settled
        await run_until_settled(plan.COLLECT_RETURN.name, self._collect, settled=None)
        while not await run_until_settled(plan.AWAIT_GOODS.name, self._await_goods, settled=True):
            if await run_until_settled(LAPSE, self._lapse, settled=True):
                return ReturnResult.LAPSED
        if not await run_until_settled(plan.REFUND.name, self._refund, settled=False):
            await run_until_settled(FINISH, self._finish, settled=None)
        await notify_waiting_orders(self._id)
        return ReturnResult.RETURNED

    async def _collect(self) -> None:
        await workflow.execute_activity_method(
            ShippingActivities.collect_return, self._id, **self._asking(plan.COLLECT_RETURN)
        )

    async def _await_goods(self) -> bool:
        """The carrier tells; when it has been silent for too long, it is asked."""
        while not self._is_overdue and not self._are_back:
            if self._may_have_missed_notification and await self._track_hint():
                return True
            self._is_overdue = not await self._is_told_in_time()
        return await self._track()

    async def _is_told_in_time(self) -> bool:
        deadline = self._deadlines.of(plan.AWAIT_GOODS.deadline)
        return await self._saga.wait(
            lambda: self._are_back or self._may_have_missed_notification,
            self._requested_at + deadline - workflow.now(),
        )

    async def _track_hint(self) -> bool:
        """Ask the carrier about a hint. One that comes meanwhile is asked about after it."""
        self._may_have_missed_notification = False
        try:
            return await self._track()
        except FailureError:
            self._may_have_missed_notification = True
            raise

    async def _track(self) -> bool:
        return self._are_back or await workflow.execute_activity_method(
            ShippingActivities.track_return, self._id, **self._asking(plan.AWAIT_GOODS)
        )

    async def _refund(self) -> bool:
        await workflow.execute_activity_method(
            PaymentActivities.refund, self._id, **self._asking(plan.REFUND)
        )
        return True

    async def _finish(self) -> None:
        await self._on_order(OrderActivities.finish_return)

    async def _lapse(self) -> bool:
        """Whether it has lapsed: the goods may have come while the carrier was asked."""
        if self._are_back:
            return False
        await self._on_order(OrderActivities.lapse_return)
        return True

    @workflow.signal
    async def shipment_notification(self, report: ShipmentNotification) -> None:
        if report.kind is ShipmentNotificationKind.RETURNED:
            if report.is_confirmed:
                self._are_back = True
            else:
                self._may_have_missed_notification = True
            await self._saga.parked.nudge(plan.AWAIT_GOODS.name, "the goods are back")
