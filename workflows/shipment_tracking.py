"""Track a parcel by the carrier's notifications and by asking the carrier."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from temporalio.exceptions import FailureError

from activities.types.shipping import TrackedStatus
from domain.saga.plan import PlanStep
from workflows.saga import SagaRunner

Ask = Callable[[PlanStep], Awaitable[TrackedStatus]]
"""Ask the carrier, within the time-out that the plan gives the step."""

TRUSTED_STATUSES: Final = frozenset(
    {TrackedStatus.DISPATCHED, TrackedStatus.DELIVERED, TrackedStatus.RETURNED}
)
"""The saga trusts a confirmed notification of one of these. For any other, it asks the carrier."""


class ShipmentTracking:
    """Wait for the carrier's notifications; ask the carrier when the deadline passes."""

    def __init__(self, saga: SagaRunner, ask: Ask, *, may_have_missed: bool = False) -> None:
        self._saga = saga
        self._ask = ask
        self._notified: set[TrackedStatus] = set()
        self.may_have_missed = may_have_missed
        """A notification may have come while no workflow ran, or came unconfirmed: ask the carrier.
        """

    def notify(self, status: TrackedStatus, *, is_confirmed: bool) -> None:
        if is_confirmed:
            self._notified.add(status)
        else:
            self.may_have_missed = True

    def has_reported(self, status: TrackedStatus) -> bool:
        return status in self._notified

    async def wait_for(
        self,
        step: PlanStep,
        closes_at: datetime,
        *expected: TrackedStatus,
        unless: Callable[[], bool] = lambda: False,
    ) -> TrackedStatus:
        """Return the expected status that the parcel has reached.

        When `closes_at` has passed, return the carrier's answer of that time, expected or not. When
        `unless` becomes true first, return WAITING.
        Raises FailureError when the carrier does not answer; the next call asks it again at once.
        """
        while True:
            is_in_time = await self._saga.wait_until(
                closes_at, lambda: unless() or self._is_woken(expected)
            )
            if believed := self._believed(expected):
                return believed
            if is_in_time and not self._is_woken(expected):
                return TrackedStatus.WAITING
            status = await self._check(step)
            if status in expected:
                self._notified.add(status)  # a later wait may expect it as well
            if status in expected or not is_in_time:
                return status

    def _is_woken(self, expected: Sequence[TrackedStatus]) -> bool:
        return self.may_have_missed or not self._notified.isdisjoint(expected)

    def _believed(self, expected: Sequence[TrackedStatus]) -> TrackedStatus | None:
        trusted = self._notified & TRUSTED_STATUSES
        return next((status for status in expected if status in trusted), None)

    async def _check(self, step: PlanStep) -> TrackedStatus:
        """Ask the carrier. A notification that arrives during the call makes the next wait ask
        again."""
        self.may_have_missed = False
        self._notified &= TRUSTED_STATUSES
        try:
            return await self._ask(step)
        except FailureError:
            self.may_have_missed = True
            raise
