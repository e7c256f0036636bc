"""What an order waits for, and how it finds out where it stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import SagaActivities, ShippingActivities
from activities.types import Standing, TrackedStatus
from domain.saga.plan import SagaStep
from workflows.failure import describe
from workflows.options import DATABASE
from workflows.saga_workflow import SagaWorkflow
from workflows.types import OrderSaga

T = TrackedStatus

GOOD_NEWS: Final = frozenset({T.DISPATCHED, T.DELIVERED})
BAD_NEWS: Final = frozenset({T.CANCELLED, T.LOST})


class OrderWaits(SagaWorkflow):
    def __init__(self, order: OrderSaga) -> None:
        self._id = order.order_id
        self._deadlines = order.deadlines
        self._news: set[TrackedStatus] = set()
        """Of the carrier."""
        self._is_taken_up = False
        self._may_have_missed_news = False

    @property
    def _standing(self) -> Standing:
        assert self._saga.standing is not None  # noqa: S101 - from the beginning on
        return self._saga.standing

    def _closes_at(self, step: SagaStep) -> datetime:
        """When the step's deadline is over, counted from what happened last."""
        return self._standing.since + self._deadlines.of(step.deadline)

    async def _until(self, closes_at: datetime, happened: Callable[[], bool]) -> bool:
        """Whether it happened before the time."""
        return await self._saga.wait(happened, closes_at - workflow.now())

    async def _tracked(self, wait: SagaStep, *told: TrackedStatus) -> TrackedStatus:
        """What the carrier has told in time; silent, it is asked once the deadline is over.

        Good news are believed. Bad news, and what a saga that was taken up may have missed, are
        asked about; if nobody answers, it is still time to ask again until the deadline.
        """
        closes_at = self._closes_at(wait)
        while True:
            in_time = self._may_have_missed_news or await self._until(
                closes_at,
                lambda: self._may_have_missed_news or any(status in self._news for status in told),
            )
            believed = [s for s in told if s in self._news and s in GOOD_NEWS]
            if believed:
                return believed[0]
            self._may_have_missed_news = False
            self._news -= BAD_NEWS
            try:
                tracked = await self._track(wait)
            except FailureError as error:
                self._saga.check()
                if describe(error).is_refusal or workflow.now() >= closes_at:
                    raise
                self._may_have_missed_news = True
                continue
            if tracked in told:
                self._news.add(tracked)  # the wait after this one has missed it as well
                return tracked
            if not in_time:
                return tracked

    async def _track(self, wait: SagaStep) -> TrackedStatus:
        return await workflow.execute_activity_method(
            ShippingActivities.track, self._id, **self._asking(wait)
        )

    async def _stand(self) -> Standing:
        return await workflow.execute_local_activity_method(
            SagaActivities.stand, self._id, **DATABASE
        )
