"""A return: the carrier collects the goods, and the customer is refunded once they are back."""

from __future__ import annotations

from dataclasses import replace

from temporalio import workflow

from activities.interface import OrderActivities, PaymentActivities, ShippingActivities
from activities.types.shipping import TrackedStatus
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.changed_stock import attend_to_stock_of
from workflows.saga import SagaRunner
from workflows.saga_workflow import SagaWorkflow
from workflows.shipment_tracking import ShipmentTracking
from workflows.types import ReturnResult, ReturnWorkflowInput
from workflows.uncancellable import uncancellable


@workflow.defn
class ReturnWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, saga: ReturnWorkflowInput) -> None:
        self._input = saga
        self._saga = SagaRunner(saga.order_id, saga.deadlines, settled=saga.settled)
        self._tracking = ShipmentTracking(
            self._saga, self._ask_carrier, may_have_missed=saga.may_have_missed_notification
        )
        self._closes_at = saga.requested_at + saga.deadlines.of(plan.AWAIT_GOODS.deadline)

    @workflow.run
    async def run(self, saga: ReturnWorkflowInput) -> ReturnResult:
        """Run the return to its end. No cancellation stops it: the customer was promised the
        money."""
        del saga  # the SDK hands it to __init__ as well
        return await uncancellable(
            self._run(),
            lambda: workflow.logger.warning("a return is not cancelled"),
            self._saga.new_run,
            self._next_input,
        )

    def _next_input(self) -> ReturnWorkflowInput:
        return replace(
            self._input,
            settled=self._saga.settled,
            parked=self._saga.parked.open,
            may_have_missed_notification=True,
        )

    async def _run(self) -> ReturnResult:
        """Run each step until it succeeds or is settled: the return is itself a compensation."""
        self._saga.parked.take_over(self._input.parked)
        result = await self._until_returned()
        await self._saga.parked.end_all()
        return result

    async def _until_returned(self) -> ReturnResult:
        run = self._saga.run_until_settled
        await run(plan.COLLECT_RETURN.name, self._collect, settled=None)
        while not await run(plan.AWAIT_GOODS.name, self._await_goods, settled=True):
            if await run(plan.LAPSE_RETURN, self._lapse, settled=True):
                return ReturnResult.LAPSED
        if not await run(plan.REFUND.name, self._refund, settled=False):
            await run(plan.FINISH_RETURN, self._finish, settled=None)
        await attend_to_stock_of(self._saga.order_id)
        return ReturnResult.RETURNED

    async def _collect(self) -> None:
        await self._saga.ask(
            ShippingActivities.collect_return, self._saga.order_id, plan.COLLECT_RETURN
        )

    async def _await_goods(self) -> bool:
        """Return whether the goods are back; when the deadline has passed, they may not be."""
        returned = TrackedStatus.RETURNED
        status = await self._tracking.wait_for(plan.AWAIT_GOODS, self._closes_at, returned)
        return status is returned

    async def _ask_carrier(self, step: PlanStep) -> TrackedStatus:
        are_back = await self._saga.ask(ShippingActivities.track_return, self._saga.order_id, step)
        return TrackedStatus.RETURNED if are_back else TrackedStatus.WAITING

    async def _refund(self) -> bool:
        await self._saga.ask(PaymentActivities.refund, self._saga.order_id, plan.REFUND)
        return True

    async def _finish(self) -> None:
        await self._saga.run_local(OrderActivities.finish_return, plan.REFUND)

    async def _lapse(self) -> bool:
        """Return whether it lapsed: the goods may have arrived while the carrier was asked."""
        if self._tracking.has_reported(TrackedStatus.RETURNED):
            return False
        await self._saga.run_local(OrderActivities.lapse_return, plan.AWAIT_GOODS)
        return True

    @workflow.signal
    async def shipment_notification(self, report: ShipmentNotification) -> None:
        if report.kind is ShipmentNotificationKind.RETURNED:
            self._tracking.notify(TrackedStatus.RETURNED, is_confirmed=report.is_confirmed)
            self._saga.parked.nudge(plan.AWAIT_GOODS.name)
