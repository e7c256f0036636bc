"""Where a saga waits for a person: what failed, what may be decided, and how it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import SagaActivities
from activities.types import Decide, Park, ParkedStep, Recorded
from domain.errors import ErrorCode
from domain.saga.commands import Decision
from workflows.failure import describe, refusal_of
from workflows.options import DATABASE
from workflows.search_attributes import NEEDS_ATTENTION

BY_ITSELF: Final = "tried again by itself: nobody had refused it"
TURNS_ROUND: Final = "the saga turns round"
TAKEN_UP: Final = "the saga was taken up, and with it what was parked"


@dataclass(slots=True)
class _Parked:
    number: int
    undoing: bool
    may_retry_by_itself: bool
    decision: Decision | None = None


class ParkingLot:
    """The parked steps of one workflow; undos that run side by side may stand side by side."""

    def __init__(
        self, order_id: str, retry_after: timedelta, goes_back: Callable[[], bool]
    ) -> None:
        """`goes_back`: the saga turns round, and what waits on the way forward waits no longer."""
        self._order_id = order_id
        self._retry_after = retry_after
        self._goes_back = goes_back
        self._parked: dict[str, _Parked] = {}
        self._is_shown = False

    async def park(self, step: str, error: FailureError, *, undoing: bool) -> Decision:
        """Stand still until somebody has decided, or the time has come to try again.

        What was refused waits for a person, however long; what was merely not answered, or is
        late, is tried again after a while: that is a decision like any other, by the system.
        """
        failure = describe(error)
        parking = await workflow.execute_local_activity_method(
            SagaActivities.park,
            Park(self._order_id, step, undoing, failure.code, failure.message),
            **DATABASE,
        )
        parked = self._parked[step] = _Parked(
            parking.number, undoing, may_retry_by_itself=not failure.is_refusal
        )
        workflow.logger.warning("parked at %s: %s %s", step, failure.code, failure.message)
        self._show()
        await self._decided(step, parked)
        del self._parked[step]
        self._show()
        return parked.decision or Decision.RETRY

    async def take_over(self, left: Iterable[ParkedStep]) -> None:
        """What stood still in a workflow that was ended from outside has been tried again, or is
        now."""
        for parked in left:
            decide = self._by_itself(parked.step, parked.number, Decision.RETRY, TAKEN_UP)
            with contextlib.suppress(FailureError):  # somebody has decided meanwhile
                await self.decide(decide)

    def holds(self, step: str, number: int) -> bool:
        parked = self._parked.get(step)
        return parked is not None and parked.number == number and parked.decision is None

    async def decide(self, decide: Decide) -> Recorded:
        """Raises the refusal if somebody was quicker; the decision that stands is followed."""
        decided = await workflow.execute_local_activity_method(
            SagaActivities.decide, decide, **DATABASE
        )
        parked = self._parked.get(decide.step)
        if parked is not None and parked.number == decide.parking:
            parked.decision = decided.decision
        if decided.decision is not decide.decision:
            raise not_parked(decide.order_id, decide.step)
        return Recorded(decided.position)

    async def decide_all(
        self, decision: Decision, *, step: str | None, reason: str, actor: str
    ) -> None:
        """The same for one step that is named, or for every one that stands here.

        Nobody waits for an answer: what cannot be done is told in the worker's log.
        """
        for name, parked in self._open(step):
            decide = Decide(self._order_id, name, parked.number, decision, reason, actor)
            try:
                await self.decide(decide)
            except FailureError as error:
                workflow.logger.warning("not decided on %s: %s", name, refusal_of(error))

    async def nudge(self, step: str, reason: str) -> None:
        """Something has happened that the step waits for: it need not wait any longer."""
        parked = self._parked.get(step)
        if parked is not None and parked.may_retry_by_itself and parked.decision is None:
            await self._settle(step, parked, Decision.RETRY, reason)

    async def _decided(self, step: str, parked: _Parked) -> None:
        timeout = self._retry_after if parked.may_retry_by_itself else None
        try:
            await workflow.wait_condition(
                lambda: parked.decision is not None or self._leaves(parked), timeout=timeout
            )
        except TimeoutError:
            await self._settle(step, parked, Decision.RETRY, BY_ITSELF)
        if parked.decision is None:
            await self._settle(step, parked, Decision.COMPENSATE, TURNS_ROUND)

    def _leaves(self, parked: _Parked) -> bool:
        return self._goes_back() and not parked.undoing

    async def _settle(self, step: str, parked: _Parked, decision: Decision, reason: str) -> None:
        decide = self._by_itself(step, parked.number, decision, reason)
        with contextlib.suppress(FailureError):  # somebody has decided meanwhile
            await self.decide(decide)
        await workflow.wait_condition(lambda: parked.decision is not None)

    def _by_itself(self, step: str, number: int, decision: Decision, reason: str) -> Decide:
        return Decide(self._order_id, step, number, decision, reason, actor="system")

    def _open(self, step: str | None) -> Iterable[tuple[str, _Parked]]:
        return [
            (name, parked)
            for name, parked in self._parked.items()
            if parked.decision is None and step in {None, name}
        ]

    def _show(self) -> None:
        """In the Web UI: what to look for, and what to do about it."""
        if bool(self._parked) is not self._is_shown:
            self._is_shown = not self._is_shown
            workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(self._is_shown)])


def not_parked(order_id: str, step: str) -> ApplicationError:
    return ApplicationError(
        f"the saga of order {order_id} is not parked at {step}",
        type=ErrorCode.SAGA_NOT_PARKED,
        non_retryable=True,
    )
