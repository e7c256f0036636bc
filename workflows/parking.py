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
from activities.types import InterventionInput, ParkedStep, ParkInput, RecordedResult
from domain.errors import ErrorCode
from domain.saga.commands import Intervention
from workflows.failure import describe, refusal_of
from workflows.options import DATABASE
from workflows.search_attributes import NEEDS_ATTENTION

BY_ITSELF: Final = "tried again by itself: nobody had refused it"
COMPENSATION_STARTED: Final = "the saga turns round"
RECOVERED: Final = "the saga was taken up, and with it what was parked"


@dataclass(slots=True)
class _Parked:
    number: int
    undoing: bool
    may_retry_by_itself: bool
    intervention: Intervention | None = None


class ParkingLot:
    """The parked steps of one workflow; undos that run side by side may stand side by side."""

    def __init__(
        self, order_id: str, retry_after: timedelta, is_compensating: Callable[[], bool]
    ) -> None:
        """`goes_back`: the saga turns round, and what waits on the way forward waits no longer."""
        self._order_id = order_id
        self._retry_after = retry_after
        self._goes_back = is_compensating
        self._parked: dict[str, _Parked] = {}
        self._is_shown = False

    async def park(self, step: str, error: FailureError, *, undoing: bool) -> Intervention:
        """Stand still until somebody has decided, or the time has come to try again.

        What was refused waits for a person, however long; what was merely not answered, or is
        late, is tried again after a while: that is a decision like any other, by the system.
        """
        failure = describe(error)
        parking = await workflow.execute_local_activity_method(
            SagaActivities.park,
            ParkInput(self._order_id, step, undoing, failure.code, failure.message),
            **DATABASE,
        )
        parked = self._parked[step] = _Parked(
            parking.number, undoing, may_retry_by_itself=not failure.is_refusal
        )
        workflow.logger.warning("parked at %s: %s %s", step, failure.code, failure.message)
        self._show()
        await self._await_intervention(step, parked)
        del self._parked[step]
        self._show()
        return parked.intervention or Intervention.RETRY

    async def take_over(self, left: Iterable[ParkedStep]) -> None:
        """What stood still in a workflow that was ended from outside has been tried again, or is
        now."""
        for parked in left:
            intervene = self._by_itself(parked.step, parked.number, Intervention.RETRY, RECOVERED)
            with contextlib.suppress(FailureError):  # somebody has decided meanwhile
                await self.intervene(intervene)

    def holds(self, step: str, number: int) -> bool:
        parked = self._parked.get(step)
        return parked is not None and parked.number == number and parked.intervention is None

    async def intervene(self, intervene: InterventionInput) -> RecordedResult:
        """Raises the refusal if somebody was quicker; the decision that stands is followed."""
        made = await workflow.execute_local_activity_method(
            SagaActivities.intervene, intervene, **DATABASE
        )
        parked = self._parked.get(intervene.step)
        if parked is not None and parked.number == intervene.parking:
            parked.intervention = made.kind
        if made.kind is not intervene.kind:
            raise not_parked(intervene.order_id, intervene.step)
        return RecordedResult(made.position)

    async def intervene_all(
        self, intervention: Intervention, *, step: str | None, reason: str, actor: str
    ) -> None:
        """The same for one step that is named, or for every one that stands here.

        Nobody waits for an answer: what cannot be done is told in the worker's log.
        """
        for name, parked in self._open(step):
            intervene = InterventionInput(
                self._order_id, name, parked.number, intervention, reason, actor
            )
            try:
                await self.intervene(intervene)
            except FailureError as error:
                workflow.logger.warning("not decided on %s: %s", name, refusal_of(error))

    async def nudge(self, step: str, reason: str) -> None:
        """Something has happened that the step waits for: it need not wait any longer."""
        parked = self._parked.get(step)
        if parked is not None and parked.may_retry_by_itself and parked.intervention is None:
            await self._settle(step, parked, Intervention.RETRY, reason)

    async def _await_intervention(self, step: str, parked: _Parked) -> None:
        timeout = self._retry_after if parked.may_retry_by_itself else None
        try:
            await workflow.wait_condition(
                lambda: parked.intervention is not None or self._leaves(parked), timeout=timeout
            )
        except TimeoutError:
            await self._settle(step, parked, Intervention.RETRY, BY_ITSELF)
        if parked.intervention is None:
            await self._settle(step, parked, Intervention.COMPENSATE, COMPENSATION_STARTED)

    def _leaves(self, parked: _Parked) -> bool:
        return self._goes_back() and not parked.undoing

    async def _settle(
        self, step: str, parked: _Parked, intervention: Intervention, reason: str
    ) -> None:
        intervene = self._by_itself(step, parked.number, intervention, reason)
        with contextlib.suppress(FailureError):  # somebody has decided meanwhile
            await self.intervene(intervene)
        await workflow.wait_condition(lambda: parked.intervention is not None)

    def _by_itself(
        self, step: str, number: int, intervention: Intervention, reason: str
    ) -> InterventionInput:
        return InterventionInput(self._order_id, step, number, intervention, reason, actor="system")

    def _open(self, step: str | None) -> Iterable[tuple[str, _Parked]]:
        return [
            (name, parked)
            for name, parked in self._parked.items()
            if parked.intervention is None and step in {None, name}
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
