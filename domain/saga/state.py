from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.saga import events as e
from domain.saga.commands import Intervention, ReconciledSystem

INTERVENTION_OF: Mapping[type[e.SagaStepIntervened], Intervention] = {
    e.SagaRetried: Intervention.RETRY,
    e.SagaStepSkipped: Intervention.SKIP,
    e.SagaStepResolved: Intervention.RESOLVE,
    e.SagaCompensationRequested: Intervention.COMPENSATE,
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
    interventions: Mapping[int, Intervention] = field(default_factory=dict)
    """By parking."""
    intervention_counts: Mapping[str, int] = field(default_factory=dict)
    """By step: how often it has been decided on."""
    settled: frozenset[str] = frozenset()
    """Steps that were skipped or resolved: they are not run again."""
    recoveries: int = 0
    discrepancies: Mapping[ReconciledSystem, str] = field(default_factory=dict)
    """By book: what the other side says, while it is not what the log says."""

    @property
    def needs_attention(self) -> bool:
        return bool(self.parked or self.discrepancies)


def evolve(state: SagaState, event: e.SagaEvent) -> SagaState:
    match event:
        case e.SagaParked():
            parked = Parked(event.parking, event.undoing, event.workflow_id)
            return replace(
                state, parked={**state.parked, event.step: parked}, parkings=event.parking
            )
        case e.SagaStepIntervened():
            intervention = INTERVENTION_OF[type(event)]
            settled = (
                {event.step} if intervention in {Intervention.SKIP, Intervention.RESOLVE} else set()
            )
            return replace(
                state,
                parked={step: p for step, p in state.parked.items() if step != event.step},
                interventions={**state.interventions, event.parking: intervention},
                intervention_counts={
                    **state.intervention_counts,
                    event.step: state.intervention_counts.get(event.step, 0) + 1,
                },
                settled=state.settled | settled,
            )
        case e.SagaRecovered():
            return replace(state, recoveries=state.recoveries + 1)
        case e.DiscrepancyFound():
            return replace(state, discrepancies={**state.discrepancies, event.system: event.theirs})
        case e.DiscrepancyResolved():
            others = {
                system: say for system, say in state.discrepancies.items() if system != event.system
            }
            return replace(state, discrepancies=others)
