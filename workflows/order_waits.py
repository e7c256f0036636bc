"""What an order waits for, and how it finds out where it stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import SagaActivities, ShippingActivities
from activities.types import OrderProgress, TrackedStatus
from domain.saga.plan import PlanStep
from workflows.failure import describe
from workflows.options import DATABASE
from workflows.saga_workflow import SagaWorkflow
from workflows.types import OrderWorkflowInput

TRUSTED_STATUSES: Final = frozenset({TrackedStatus.DISPATCHED, TrackedStatus.DELIVERED})
VERIFIED_STATUSES: Final = frozenset({TrackedStatus.CANCELLED, TrackedStatus.LOST})


class OrderWaits(SagaWorkflow):
    def __init__(self, order: OrderWorkflowInput) -> None:
        self._id = order.order_id
        self._deadlines = order.deadlines
        self._notified: set[TrackedStatus] = set()
        """Of the carrier."""
        self._is_recovered = False
        self._may_have_missed_notification = False

    @property
    def _progress(self) -> OrderProgress:
        assert self._saga.progress is not None  # noqa: S101 - from the beginning on
        return self._saga.progress

    def _closes_at(self, step: PlanStep) -> datetime:
        """When the step's deadline is over, counted from what happened last."""
        return self._progress.since + self._deadlines.of(step.deadline)

    async def _until(self, closes_at: datetime, happened: Callable[[], bool]) -> bool:
        """Whether it happened before the time."""
        return await self._saga.wait(happened, closes_at - workflow.now())

    async def _tracked(self, wait: PlanStep, *told: TrackedStatus) -> TrackedStatus:
        """What the carrier has told in time; silent, it is asked once the deadline is over.

        Good news are believed. Bad news, and what a saga that was taken up may have missed, are
        asked about; if nobody answers, it is still time to ask again until the deadline.
        """
        closes_at = self._closes_at(wait)
        while True:
            in_time = self._may_have_missed_notification or await self._until(
                closes_at,
                lambda: (
                    self._may_have_missed_notification
                    or any(status in self._notified for status in told)
                ),
            )
            believed = [s for s in told if s in self._notified and s in TRUSTED_STATUSES]
            if believed:
                return believed[0]
            self._may_have_missed_notification = False
            self._notified -= VERIFIED_STATUSES
            try:
                tracked = await self._track(wait)
            except FailureError as error:
                self._saga.check()
                if describe(error).is_refusal or workflow.now() >= closes_at:
                    raise
                self._may_have_missed_notification = True
                continue
            if tracked in told:
                self._notified.add(tracked)  # the wait after this one has missed it as well
                return tracked
            if not in_time:
                return tracked

    async def _track(self, wait: PlanStep) -> TrackedStatus:
        return await workflow.execute_activity_method(
            ShippingActivities.track, self._id, **self._asking(wait)
        )

    async def _load_progress(self) -> OrderProgress:
        return await workflow.execute_local_activity_method(
            SagaActivities.load_progress, self._id, **DATABASE
        )
