"""A return: fetched by the carrier, and refunded once the goods are back."""

from __future__ import annotations

from temporalio import workflow

from activities.interface import OrderActivities, PaymentActivities, ShippingActivities
from domain.news import ShipmentNews, ShipmentReported
from domain.saga import plan
from workflows.options import DATABASE, asking
from workflows.saga import Saga, uncancellable
from workflows.saga_workflow import SagaWorkflow
from workflows.types import ReturnEnd, ReturnSaga


@workflow.defn
class ReturnWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, saga: ReturnSaga) -> None:
        self._id = saga.order_id
        self._deadlines = saga.deadlines
        self._saga = Saga(saga.order_id, saga.deadlines)
        self._are_back = False

    @workflow.run
    async def run(self, saga: ReturnSaga) -> ReturnEnd:
        """Nothing cancels it: the customer has been promised the money."""
        del saga  # the SDK hands it to __init__ as well
        end = await uncancellable(
            self._story(), on_cancel=lambda: workflow.logger.warning("a return is not cancelled")
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return end

    async def _story(self) -> ReturnEnd:
        step = self._saga.step
        await step(plan.COLLECT_RETURN, self._collect)
        await step(plan.AWAIT_GOODS, self._await_goods)
        if not self._are_back:
            await self._saga.insist("lapse_return", self._lapse, settled=None)
            return ReturnEnd.LAPSED
        await step(plan.REFUND, self._refund)
        return ReturnEnd.RETURNED

    async def _collect(self) -> None:
        await workflow.execute_activity_method(
            ShippingActivities.collect_return, self._id, **asking(self._deadlines.undo_patience)
        )

    async def _await_goods(self) -> None:
        """The carrier tells; when it has been silent for too long, it is asked."""
        try:
            await workflow.wait_condition(
                lambda: self._are_back, timeout=self._deadlines.return_delivery
            )
        except TimeoutError:
            self._are_back = await workflow.execute_activity_method(
                ShippingActivities.track_return, self._id, **asking(self._deadlines.undo_patience)
            )

    async def _refund(self) -> None:
        await workflow.execute_activity_method(
            PaymentActivities.refund, self._id, **asking(self._deadlines.undo_patience)
        )

    async def _lapse(self) -> None:
        await workflow.execute_local_activity_method(
            OrderActivities.lapse_return, self._id, **DATABASE
        )

    @workflow.signal
    def shipment_reported(self, report: ShipmentReported) -> None:
        self._are_back = self._are_back or report.news is ShipmentNews.RETURNED
