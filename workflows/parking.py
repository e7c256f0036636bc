"""Park failed steps until an operator intervenes or a retry is due."""

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

BY_ITSELF: Final = "retried automatically: the failure was no refusal"
COMPENSATION_STARTED: Final = "the saga compensates"
RECOVERED: Final = "the saga was recovered, and its parked steps are retried"


@dataclass(slots=True)
class _Parked:
    number: int
    undoing: bool
    may_retry_by_itself: bool
    intervention: Intervention | None = None


class ParkingLot:
    """The parked steps of one workflow. Undos that run in parallel may be parked in parallel."""

    def __init__(
        self, order_id: str, retry_after: timedelta, is_compensating: Callable[[], bool]
    ) -> None:
        """Settle the parked steps of the forward path when `is_compensating` becomes true."""
        self._order_id = order_id
        self._retry_after = retry_after
        self._is_compensating = is_compensating
        self._parked: dict[str, _Parked] = {}
        self._is_shown = False

    async def park(self, step: str, error: FailureError, *, undoing: bool) -> Intervention:
        """Wait until an operator intervenes or the time for a retry has come.

        A refused step waits for an operator without a limit. A step that timed out or is late is
        retried after `retry_after`. The system records that retry as an intervention too.
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
        """Record a retry of each step that a terminated workflow left parked; this run runs it
        again."""
        for parked in left:
            intervene = self._by_system(parked.step, parked.number, Intervention.RETRY, RECOVERED)
            with contextlib.suppress(FailureError):  # an operator has intervened first
                await self.intervene(intervene)

    def is_parked(self, step: str) -> bool:
        return step in self._parked

    async def retry(self, step: str, reason: str) -> None:
        """Retry a parked step now, also a refused one, because its cause is removed."""
        parked = self._parked.get(step)
        if parked is not None and parked.intervention is None:
            await self._settle(step, parked, Intervention.RETRY, reason)

    def holds(self, step: str, number: int) -> bool:
        parked = self._parked.get(step)
        return parked is not None and parked.number == number and parked.intervention is None

    async def intervene(self, intervene: InterventionInput) -> RecordedResult:
        """Record the intervention. Raises SAGA_NOT_PARKED when a different one was recorded first;
        the workflow then follows that one."""
        made = await workflow.execute_local_activity_method(
            SagaActivities.intervene, intervene, **DATABASE
        )
        parked = self._parked.get(intervene.step)
        if parked is not None and parked.number == intervene.parking:
            parked.intervention = made.kind
        if made.kind is not intervene.kind:
            raise not_parked(intervene.order_id, intervene.step)
        return RecordedResult(made.position, made.call)

    async def intervene_all(
        self, intervention: Intervention, *, step: str | None, reason: str, actor: str
    ) -> None:
        """Intervene on the named step, or on every parked step.

        No caller waits for an answer. A refusal goes into the worker's log.
        """
        for name, parked in self._open(step):
            intervene = InterventionInput(
                self._order_id, name, parked.number, intervention, reason, actor
            )
            try:
                await self.intervene(intervene)
            except FailureError as error:
                workflow.logger.warning("no intervention on %s: %s", name, refusal_of(error))

    async def nudge(self, step: str, reason: str) -> None:
        """Retry a parked step now, because what it waits for has happened."""
        parked = self._parked.get(step)
        if parked is not None and parked.may_retry_by_itself and parked.intervention is None:
            await self._settle(step, parked, Intervention.RETRY, reason)

    async def _await_intervention(self, step: str, parked: _Parked) -> None:
        timeout = spread(self._retry_after) if parked.may_retry_by_itself else None
        try:
            await workflow.wait_condition(
                lambda: parked.intervention is not None or self._leaves(parked), timeout=timeout
            )
        except TimeoutError:
            await self._settle(step, parked, Intervention.RETRY, BY_ITSELF)
        if parked.intervention is None:
            await self._settle(step, parked, Intervention.COMPENSATE, COMPENSATION_STARTED)

    def _leaves(self, parked: _Parked) -> bool:
        return self._is_compensating() and not parked.undoing

    async def _settle(
        self, step: str, parked: _Parked, intervention: Intervention, reason: str
    ) -> None:
        intervene = self._by_system(step, parked.number, intervention, reason)
        with contextlib.suppress(FailureError):  # an operator has intervened first
            await self.intervene(intervene)
        await workflow.wait_condition(lambda: parked.intervention is not None)

    def _by_system(
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
        """Show in the Temporal Web UI whether the order needs attention."""
        if bool(self._parked) is not self._is_shown:
            self._is_shown = not self._is_shown
            workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(self._is_shown)])


def spread(retry_after: timedelta) -> timedelta:
    """Return a time between half and one and a half of it: a failure that parks many steps at once
    must not bring all their retries at once."""
    return retry_after * (0.5 + workflow.random().random())


def not_parked(order_id: str, step: str) -> ApplicationError:
    return ApplicationError(
        f"the saga of order {order_id} is not parked at {step}",
        type=ErrorCode.SAGA_NOT_PARKED,
        non_retryable=True,
    )
