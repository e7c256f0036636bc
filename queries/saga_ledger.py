"""A saga as operators see it: each step with its undo, its attempts, its times and its failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.order.state import FINAL, OrderStatus
from domain.saga.commands import Intervention
from domain.saga.plan import (
    ASK_AGAIN,
    AWAIT_DELIVERY,
    AWAIT_DISPATCH,
    FINALIZERS,
    ORDER_PLAN,
    RETURN_PLAN,
    PlanStep,
    Undo,
)
from queries.saga_attempts import AttemptView, FailedCall, StepRun, attempts_of, merged
from queries.saga_history import DiscrepancyView, History, InterventionView, Mark, ParkingView
from queries.saga_states import States, StepState, states_of
from queries.side_steps import has_asked_again, side_states, side_steps
from queries.unpaid_steps import described

_IN_UNDO: Final = {StepState.UNDOING, StepState.UNDONE, StepState.FAILED}
_RUNNING: Final = {StepState.RUNNING, StepState.UNDOING}
_SUCCEEDED: Final = {StepState.DONE, StepState.UNDONE}
_SETTLING: Final = {Intervention.SKIP, Intervention.RESOLVE}
_TRACK: Final = "track"
FailedCalls = Mapping[str, Sequence[FailedCall]]
"""The failed attempts that workers have noted, by step or undo, the oldest first."""


class SagaStatus(StrEnum):
    FORWARD = "FORWARD"
    COMPENSATING = "COMPENSATING"
    PARKED = "PARKED"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class UndoView:
    name: str
    description: str
    state: StepState
    attempts: Sequence[AttemptView]
    started_at: datetime | None
    ended_at: datetime | None
    parking: ParkingView | None

    @property
    def attempt_count(self) -> int:
        """Return the number of attempts, those that are no longer kept included."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def last_error(self) -> AttemptView | None:
        """Return the last attempt that has failed, whatever followed it."""
        return next((each for each in reversed(self.attempts) if each.code is not None), None)


@dataclass(frozen=True, slots=True)
class StepView(UndoView):
    """`state` shows the state of the undo, once the undo has started."""

    undo: UndoView | None = None


@dataclass(frozen=True, slots=True)
class SagaView:
    order_id: str
    order_number: str
    customer_id: str
    direction: SagaStatus
    """The direction of the saga, never PARKED: whether or not a step is parked."""
    needs_attention: bool
    parked_since: datetime | None
    recoveries: int
    workflow_ids: Sequence[str]
    steps: Sequence[StepView]
    interventions: Sequence[InterventionView]
    discrepancies: Sequence[DiscrepancyView]
    position: int

    @property
    def status(self) -> SagaStatus:
        return self.direction if self.parked_since is None else SagaStatus.PARKED

    @property
    def parked(self) -> Mapping[str, ParkingView]:
        """The parkings by step or undo."""
        parts = [part for step in self.steps for part in (step, step.undo) if part is not None]
        return {part.name: part.parking for part in parts if part.parking is not None}


def saga_view(order_id: str, history: History, failed_calls: FailedCalls) -> SagaView:
    parked_since = [parking.since for parking in history.parked.values()]
    return SagaView(
        order_id=order_id,
        order_number=history.order.number,
        customer_id=history.order.customer_id,
        direction=_direction(history),
        needs_attention=history.saga.needs_attention,
        parked_since=min(parked_since, default=None),
        recoveries=history.saga.recoveries,
        workflow_ids=list(history.workflow_ids),
        steps=list(_Steps(history, failed_calls).views()),
        interventions=history.interventions,
        discrepancies=list(history.discrepancies.values()),
        position=history.position,
    )


def _direction(history: History) -> SagaStatus:
    if history.order.status is OrderStatus.CANCELLING:
        return SagaStatus.COMPENSATING
    return SagaStatus.FINAL if history.order.status in FINAL else SagaStatus.FORWARD


class _Steps:
    def __init__(self, history: History, failed_calls: FailedCalls) -> None:
        self._history = history
        self._states: States = states_of(history) | side_states(history)
        self._failed_calls = {**failed_calls, **_of_track(failed_calls, history)}

    def views(self) -> Iterable[StepView]:
        began_at = self._history.reached.get(OrderStatus.PLACED)
        for step in ORDER_PLAN:
            view = self._step(step, began_at)
            began_at = view.ended_at or began_at
            yield view
            if step is AWAIT_DISPATCH and has_asked_again(self._history):
                yield self._step(ASK_AGAIN, None)
        if self._history.order.has_had_return:
            yield from (self._step(step, None) for step in RETURN_PLAN)
        yield from (self._step(step, None) for step in side_steps(self._history))
        for undo in FINALIZERS:
            if undo.name in self._states:
                yield self._step(
                    PlanStep(undo.name, undo.description), self._compensation_started_at()
                )

    def _step(self, step: PlanStep, began_at: datetime | None) -> StepView:
        undo = None if step.undo is None else self._undo(step.undo)
        state = self._states.get(step.name, StepState.PLANNED)
        mark = self._history.marks.get(step.name, Mark())
        ended_at = mark.ended_at
        if ended_at is None and state is StepState.DONE and step.until is not None:
            ended_at = self._history.reached.get(step.until)
        started_at = mark.began_at or (began_at if step.name in self._states else None)
        return StepView(
            name=step.name,
            description=described(step, self._history.order),
            state=undo.state if undo is not None and undo.state in _IN_UNDO else state,
            attempts=self._attempts(step.name, state, started_at, ended_at),
            started_at=started_at,
            ended_at=ended_at,
            parking=self._history.parked.get(step.name),
            undo=undo,
        )

    def _undo(self, undo: Undo) -> UndoView:
        state = self._states.get(undo.name, StepState.PLANNED)
        mark = self._history.marks.get(undo.name, Mark())
        cancelled_at = self._history.reached.get(OrderStatus.CANCELLED)
        started_at = None if state is StepState.PLANNED else self._compensation_started_at()
        ended_at = (mark.ended_at or cancelled_at) if state is StepState.UNDONE else None
        return UndoView(
            name=undo.name,
            description=described(undo, self._history.order),
            state=state,
            attempts=self._attempts(undo.name, state, started_at, ended_at),
            started_at=started_at,
            ended_at=ended_at,
            parking=self._history.parked.get(undo.name),
        )

    def _compensation_started_at(self) -> datetime | None:
        return self._history.reached.get(OrderStatus.CANCELLING)

    def _attempts(
        self, name: str, state: StepState, started_at: datetime | None, ended_at: datetime | None
    ) -> list[AttemptView]:
        history = self._history
        return attempts_of(
            StepRun(
                records=history.attempts.of(name),
                failed_calls=self._failed_calls.get(name, ()),
                parkings=history.parkings.get(name, ()),
                retried_at=[made.at for made in history.interventions if made.step == name],
                started_at=started_at,
                ended_at=ended_at,
                is_left=name in history.parked or history.decisions.get(name) in _SETTLING,
                is_running=state in _RUNNING,
                has_succeeded=state in _SUCCEEDED,
            )
        )


def _of_track(failed_calls: FailedCalls, history: History) -> FailedCalls:
    """Share the failed calls of the one activity that two steps call between these steps."""
    calls = failed_calls.get(_TRACK, ())
    left_at = history.reached.get(OrderStatus.SHIPPED)
    before = [call for call in calls if left_at is None or call.failed_at <= left_at]
    after = [replace(call, number=n) for n, call in enumerate(calls[len(before) :], start=1)]
    return {
        AWAIT_DISPATCH.name: merged(failed_calls.get(AWAIT_DISPATCH.name, ()), before),
        AWAIT_DELIVERY.name: after,
    }
