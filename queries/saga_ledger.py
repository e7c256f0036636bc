"""A saga as operators see it: each step with its undo, its attempts, its times and its failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.order.state import FINAL, OrderStatus
from domain.saga.plan import FINALIZERS, ORDER_PLAN, RETURN_PLAN, PlanStep, Undo
from queries.refund_ledger import refund_states, refund_steps
from queries.saga_history import DiscrepancyView, History, InterventionView, Mark, ParkingView
from queries.saga_states import States, StepState, states_of
from queries.unpaid_steps import described

_IN_UNDO: Final = {StepState.UNDOING, StepState.UNDONE, StepState.FAILED}
_UNTRIED: Final = {StepState.PLANNED, StepState.FAILED, StepState.SKIPPED}
"""The states that add no attempt to the failed ones."""


class SagaStatus(StrEnum):
    FORWARD = "FORWARD"
    COMPENSATING = "COMPENSATING"
    PARKED = "PARKED"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of one step or undo: the number of failed attempts, and the last reason."""

    count: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class UndoView:
    name: str
    description: str
    state: StepState
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    last_error: Failures | None
    parking: ParkingView | None


@dataclass(frozen=True, slots=True)
class StepView:
    """`state` shows the state of the undo, once the undo has started."""

    name: str
    description: str
    state: StepState
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    last_error: Failures | None
    parking: ParkingView | None
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


def saga_view(order_id: str, history: History, failures: Mapping[str, Failures]) -> SagaView:
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
        steps=list(_Steps(history, failures).views()),
        interventions=history.interventions,
        discrepancies=list(history.discrepancies.values()),
        position=history.position,
    )


def _direction(history: History) -> SagaStatus:
    if history.order.status is OrderStatus.CANCELLING:
        return SagaStatus.COMPENSATING
    return SagaStatus.FINAL if history.order.status in FINAL else SagaStatus.FORWARD


class _Steps:
    def __init__(self, history: History, failures: Mapping[str, Failures]) -> None:
        self._history = history
        self._states: States = states_of(history) | refund_states(history)
        self._failures = dict(failures)
        if track := self._failures.pop("track", None):  # one activity, called in two steps
            has_left = history.has_reached(OrderStatus.SHIPPED)
            self._failures["await_delivery" if has_left else "await_dispatch"] = track

    def views(self) -> Iterable[StepView]:
        began_at = self._history.reached.get(OrderStatus.PLACED)
        for step in ORDER_PLAN:
            view = self._step(step, began_at)
            began_at = view.ended_at or began_at
            yield view
        if self._history.order.has_had_return:
            yield from (self._step(step, None) for step in RETURN_PLAN)
        yield from (self._step(step, None) for step in refund_steps(self._history.order))
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
        return StepView(
            name=step.name,
            description=described(step, self._history.order),
            state=undo.state if undo is not None and undo.state in _IN_UNDO else state,
            attempts=self._attempts(step.name, state),
            started_at=mark.began_at or (began_at if step.name in self._states else None),
            ended_at=ended_at,
            last_error=self._failures.get(step.name),
            parking=self._history.parked.get(step.name),
            undo=undo,
        )

    def _undo(self, undo: Undo) -> UndoView:
        state = self._states.get(undo.name, StepState.PLANNED)
        mark = self._history.marks.get(undo.name, Mark())
        is_undone = state is StepState.UNDONE
        cancelled_at = self._history.reached.get(OrderStatus.CANCELLED)
        return UndoView(
            name=undo.name,
            description=described(undo, self._history.order),
            state=state,
            attempts=self._attempts(undo.name, state),
            started_at=None if state is StepState.PLANNED else self._compensation_started_at(),
            ended_at=(mark.ended_at or cancelled_at) if is_undone else None,
            last_error=self._failures.get(undo.name),
            parking=self._history.parked.get(undo.name),
        )

    def _compensation_started_at(self) -> datetime | None:
        return self._history.reached.get(OrderStatus.CANCELLING)

    def _attempts(self, name: str, state: StepState) -> int:
        failures = self._failures.get(name)
        return (failures.count if failures else 0) + (state not in _UNTRIED)
