from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.saga import events as e
from domain.saga.commands import Book, Decision

DECISION_OF: Mapping[type[e.SagaStepDecided], Decision] = {
    e.SagaRetried: Decision.RETRY,
    e.SagaStepSkipped: Decision.SKIP,
    e.SagaStepResolved: Decision.RESOLVE,
    e.SagaCompensationRequested: Decision.COMPENSATE,
}


@dataclass(frozen=True, slots=True)
class Parked:
    number: int
    undoing: bool
    workflow_id: str
    """Of the workflow that waits there."""


@dataclass(frozen=True, slots=True)
class SagaState:
    """What people have to do with a saga; where it stands is told by its order's events."""

    parked: Mapping[str, Parked] = field(default_factory=dict)
    """By step. Undos that run side by side may be parked side by side."""
    parkings: int = 0
    decided: Mapping[int, Decision] = field(default_factory=dict)
    """By parking."""
    decisions: Mapping[str, int] = field(default_factory=dict)
    """By step: how often it has been decided on."""
    settled: frozenset[str] = frozenset()
    """Steps that were skipped or resolved: they are not run again."""
    taken_up: int = 0
    differences: Mapping[Book, str] = field(default_factory=dict)
    """By book: what the other side says, while it is not what the log says."""

    @property
    def needs_attention(self) -> bool:
        return bool(self.parked or self.differences)


def evolve(state: SagaState, event: e.SagaEvent) -> SagaState:
    match event:
        case e.SagaParked():
            parked = Parked(event.parking, event.undoing, event.workflow_id)
            return replace(
                state, parked={**state.parked, event.step: parked}, parkings=event.parking
            )
        case e.SagaStepDecided():
            decision = DECISION_OF[type(event)]
            settled = {event.step} if decision in {Decision.SKIP, Decision.RESOLVE} else set()
            return replace(
                state,
                parked={step: p for step, p in state.parked.items() if step != event.step},
                decided={**state.decided, event.parking: decision},
                decisions={**state.decisions, event.step: state.decisions.get(event.step, 0) + 1},
                settled=state.settled | settled,
            )
        case e.SagaTakenUp():
            return replace(state, taken_up=state.taken_up + 1)
        case e.DifferenceFound():
            return replace(state, differences={**state.differences, event.book: event.theirs})
        case e.DifferenceSettled():
            others = {book: say for book, say in state.differences.items() if book != event.book}
            return replace(state, differences=others)
