"""A return: fetched by the carrier, and refunded once the goods are back."""

from __future__ import annotations

from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import OrderActivities, PaymentActivities, ShippingActivities
from domain.news import ShipmentNews, ShipmentReported
from domain.saga import plan
from workflows.saga import Saga
from workflows.saga_workflow import SagaWorkflow
from workflows.types import ReturnEnd, ReturnSaga
from workflows.uncancellable import uncancellable
from workflows.waking import wake_for

LAPSE: Final = "lapse_return"
FINISH: Final = "finish_return"


@workflow.defn
class ReturnWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, saga: ReturnSaga) -> None:
        self._id = saga.order_id
        self._deadlines = saga.deadlines
        self._saga = Saga(saga.order_id, saga.deadlines, settled=saga.settled)
        self._requested_at = saga.requested_at
        self._left_parked = saga.parked
        self._are_back = False
        self._may_have_missed_news = saga.may_have_missed_news
        self._is_overdue = False

    @workflow.run
    async def run(self, saga: ReturnSaga) -> ReturnEnd:
        """Nothing cancels it: the customer has been promised the money."""
        del saga  # the SDK hands it to __init__ as well
        return await uncancellable(
            self._story(), on_cancel=lambda: workflow.logger.warning("a return is not cancelled")
        )

    async def _story(self) -> ReturnEnd:
        """A return is a way back itself: it is insisted on, and never turned round."""
        await self._saga.parked.take_over(self._left_parked)
        insist = self._saga.insist
        await insist(plan.COLLECT_RETURN.name, self._collect, settled=None)
        while not await insist(plan.AWAIT_GOODS.name, self._await_goods, settled=True):
            if await insist(LAPSE, self._lapse, settled=True):
                return ReturnEnd.LAPSED
        if not await insist(plan.REFUND.name, self._refund, settled=False):
            await insist(FINISH, self._finish, settled=None)
        await wake_for(self._id)
        return ReturnEnd.RETURNED

    async def _collect(self) -> None:
        await workflow.execute_activity_method(
            ShippingActivities.collect_return, self._id, **self._asking(plan.COLLECT_RETURN)
        )

    async def _await_goods(self) -> bool:
        """The carrier tells; when it has been silent for too long, it is asked."""
        while not self._is_overdue and not self._are_back:
            if self._may_have_missed_news and await self._track_hint():
                return True
            self._is_overdue = not await self._is_told_in_time()
        return await self._track()

    async def _is_told_in_time(self) -> bool:
        deadline = self._deadlines.of(plan.AWAIT_GOODS.deadline)
        return await self._saga.wait(
            lambda: self._are_back or self._may_have_missed_news,
            self._requested_at + deadline - workflow.now(),
        )

    async def _track_hint(self) -> bool:
        """Ask the carrier about a hint. One that comes meanwhile is asked about after it."""
        self._may_have_missed_news = False
        try:
            return await self._track()
        except FailureError:
            self._may_have_missed_news = True
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
    async def shipment_reported(self, report: ShipmentReported) -> None:
        if report.news is ShipmentNews.RETURNED:
            if report.is_confirmed:
                self._are_back = True
            else:
                self._may_have_missed_news = True
            await self._saga.parked.nudge(plan.AWAIT_GOODS.name, "the goods are back")
