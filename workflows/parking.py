"""Park failed steps until an operator intervenes or a retry succeeds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import PaymentActivities, SagaActivities
from activities.types.order import RecordedResult
from activities.types.parking import InterventionInput, ParkedStep, ParkInput, UnparkInput
from domain.errors import ErrorCode
from domain.saga.commands import Intervention
from domain.saga.plan import gives_back
from domain.saga.retries import pause_before_retry
from workflows.failure import describe, refusal_of
from workflows.new_run import NewRun
from workflows.options import DATABASE, LOOKING_FIRST
from workflows.search_attributes import NEEDS_ATTENTION

TAKE_OVER_TIMEOUT: Final = timedelta(seconds=10)
"""The time that an intervention waits for a run that has just begun."""


@dataclass(slots=True)
class _Parked:
    """An open parking, while its step waits and while it is retried."""

    number: int
    undoing: bool
    since: datetime | None = None
    """None after a recovery, until a retry has failed."""
    code: str | None = None
    """The code of the latest failure; None after a recovery, until a retry has failed."""
    retry_in: timedelta | None = None
    """The pause before the next retry; None for a step that was refused."""
    is_due: bool = False
    """The next retry does not wait for its time."""
    deciding: int = 0
    """The interventions that are being recorded."""
    intervention: Intervention | None = None


class ParkingLot:
    """The parked steps of one workflow. Undos that run in parallel may be parked in parallel.

    A parking is open until the step succeeds or an operator intervenes. The saga's own retries do
    not end it, and leave no event in the log.
    """

    def __init__(
        self,
        order_id: str,
        retry_after: timedelta,
        new_run: NewRun,
        is_compensating: Callable[[], bool],
    ) -> None:
        """Wake the parked steps of the forward path when `is_compensating` becomes true."""
        self._order_id = order_id
        self._retry_after = retry_after
        self._new_run = new_run
        self._is_compensating = is_compensating
        self._parked: dict[str, _Parked] = {}
        self._has_taken_over = False
        shown = workflow.info().typed_search_attributes.get(NEEDS_ATTENTION)
        self._is_shown = shown is True  # the run before this one has left it

    async def park(self, step: str, error: FailureError, *, undoing: bool) -> Intervention:
        """Park the step, or keep it parked, until an operator intervenes or a retry is due.

        A refused step waits for an operator without a limit. A step that timed out or is late is
        retried after a pause, which grows while it is parked. An intervention that came during the
        attempt is followed at once.
        """
        parked = self._parked.get(step)
        if parked is None or parked.intervention is None:
            parked = await self._record(step, error, undoing=undoing)
            self._show()
            await self._await_retry(parked)
        return self.take_intervention(step) or Intervention.RETRY

    def take_intervention(self, step: str) -> Intervention | None:
        """Return the intervention that has ended the parking, for the saga to follow."""
        parked = self._parked.get(step)
        if parked is None or parked.intervention is None:
            return None
        del self._parked[step]
        self._show()
        return parked.intervention

    async def end(self, step: str) -> Intervention | None:
        """End the parking of a step that has ended; return the intervention that came first."""
        parked = self._parked.pop(step, None)
        if parked is None:
            return None
        self._show()
        if parked.intervention is None:
            await workflow.execute_local_activity_method(
                SagaActivities.unpark,
                UnparkInput(self._order_id, step, parked.number),
                **DATABASE,
            )
        await workflow.wait_condition(lambda: not parked.deciding)
        return parked.intervention

    async def end_all(self, *, undoing: bool | None = None, unless: Collection[str] = ()) -> None:
        """End the parkings of the undos, or of the other steps, or all of them."""
        for step, parked in list(self._parked.items()):
            if undoing in {None, parked.undoing} and step not in unless:
                await self.end(step)

    def take_over(self, left: Iterable[ParkedStep]) -> None:
        """Keep the parkings that an earlier run has left open; this run retries their steps."""
        for each in left:
            self._parked.setdefault(each.step, _Parked(each.number, each.undoing))
        self._has_taken_over = True
        self._show()

    @property
    def open(self) -> tuple[ParkedStep, ...]:
        """The open parkings, for the next run."""
        workflow_id = workflow.info().workflow_id
        return tuple(
            ParkedStep(step, parked.number, workflow_id, parked.undoing)
            for step, parked in self._open(None)
        )

    def is_recorded(self, step: str) -> bool:
        """Return whether this run has recorded that the step is parked."""
        parked = self._parked.get(step)
        return parked is not None and parked.since is not None

    def pause(self, step: str, first: timedelta) -> timedelta:
        """Return a time that is `first` at the beginning, and grows while the step is parked."""
        parked = self._parked.get(step)
        since = workflow.now() if parked is None else parked.since or workflow.now()
        return pause_before_retry(first, workflow.now() - since)

    def is_settled(self, step: str) -> bool:
        """Return whether an operator has ended the step, so that its attempt may stop."""
        parked = self._parked.get(step)
        return parked is not None and parked.intervention not in {None, Intervention.RETRY}

    def may_hold(self, step: str, number: int) -> bool:
        """Return whether the parking is open, or this run does not know yet."""
        parked = self._parked.get(step)
        if parked is None:
            return not self._has_taken_over
        return parked.number == number and parked.intervention is None

    def retry(self, step: str, cause: ErrorCode | None = None) -> None:
        """Retry a parked step now, also a refused one, because this cause is removed.

        A step that another cause has stopped since is not retried. One that was parked in an
        earlier run is tried anyway.
        """
        parked = self._parked.get(step)
        if parked is not None and cause in {None, parked.code}:
            parked.is_due = True

    def nudge(self, step: str) -> None:
        """Retry a parked step now, because what it waits for has happened."""
        parked = self._parked.get(step)
        if parked is not None and parked.retry_in is not None:
            parked.is_due = True

    async def intervene(self, intervene: InterventionInput) -> RecordedResult:
        """Record the intervention. Raises SAGA_NOT_PARKED when a different one was recorded first;
        the workflow then follows that one."""
        await self._until_known(intervene.step)
        if intervene.kind is Intervention.RESOLVE and gives_back(intervene.step):
            await self._record_refunds()
        parked = self._parked.get(intervene.step)
        if parked is None or parked.number != intervene.parking:
            raise not_parked(intervene.order_id, intervene.step)
        parked.deciding += 1
        try:
            made = await workflow.execute_local_activity_method(
                SagaActivities.intervene, intervene, **DATABASE
            )
            parked.intervention = made.kind
        finally:
            parked.deciding -= 1
        if made.kind is not intervene.kind:
            raise not_parked(intervene.order_id, intervene.step)
        return RecordedResult(made.position, made.call)

    async def _until_known(self, step: str | None) -> None:
        """Wait until this run has read what an earlier one has left parked."""
        if step not in self._parked and not self._has_taken_over:
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._has_taken_over, timeout=TAKE_OVER_TIMEOUT
                )

    async def _record_refunds(self) -> None:
        """Record the refunds by hand, so that they do not count once more as the operator's.

        A provider that does not answer delays the operator by seconds, and prevents nothing.
        """
        try:
            await workflow.execute_activity_method(
                PaymentActivities.record_refunds, self._order_id, **LOOKING_FIRST
            )
        except FailureError as error:
            workflow.logger.warning("the refunds by hand are not known: %s", error)

    async def intervene_all(
        self, intervention: Intervention, *, step: str | None, reason: str, actor: str
    ) -> None:
        """Intervene on the named step, or on every parked step.

        No caller waits for an answer. A refusal goes into the worker's log.
        """
        await self._until_known(step)
        for name, parked in self._open(step):
            intervene = InterventionInput(
                self._order_id, name, parked.number, intervention, reason, actor
            )
            try:
                await self.intervene(intervene)
            except FailureError as error:
                workflow.logger.warning("no intervention on %s: %s", name, refusal_of(error))

    async def _record(self, step: str, error: FailureError, *, undoing: bool) -> _Parked:
        """Record the failure; the first one parks the step."""
        failure, known = describe(error), self._parked.get(step)
        retry_in = None if failure.is_refusal else spread(self.pause(step, self._retry_after))
        recorded = await workflow.execute_local_activity_method(
            SagaActivities.park,
            ParkInput(
                self._order_id,
                step,
                undoing,
                failure.code,
                failure.message,
                failed_at=workflow.now(),
                retry_in=retry_in,
                parking=None if known is None else known.number,
            ),
            **DATABASE,
        )
        workflow.logger.warning("parked at %s: %s %s", step, failure.code, failure.message)
        if known is None or known.number != recorded.number:
            known = self._parked[step] = _Parked(recorded.number, undoing)
        known.since, known.code, known.retry_in = recorded.since, failure.code, retry_in
        known.intervention = known.intervention or recorded.intervention
        return known

    async def _await_retry(self, parked: _Parked) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: parked.is_due or parked.intervention is not None or self._leaves(parked),
                timeout=parked.retry_in,
            )
        parked.is_due = False
        if parked.intervention is None and not self._leaves(parked):
            await self._new_run.begin_if_long()

    def _leaves(self, parked: _Parked) -> bool:
        return self._is_compensating() and not parked.undoing

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
