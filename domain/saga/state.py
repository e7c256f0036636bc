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
    """The workflow in which the step is parked."""
    code: str
    """The reason, for programs."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The log and another system disagree."""

    ours: str
    theirs: str
    is_accepted: bool = False


@dataclass(frozen=True, slots=True)
class SagaState:
    """The interventions of operators in a saga; the events of its order say how far it has come."""

    parked: Mapping[str, Parked] = field(default_factory=dict)
    """The parkings by step. Undos that run in parallel may be parked in parallel."""
    parkings: int = 0
    interventions: Mapping[int, Intervention] = field(default_factory=dict)
    """The interventions by parking."""
    intervention_counts: Mapping[str, int] = field(default_factory=dict)
    """The number of interventions by step."""
    settled: frozenset[str] = frozenset()
    """The steps that were skipped or resolved: they are not run again."""
    skipped: frozenset[str] = frozenset()
    """The part of them that was skipped."""
    recoveries: int = 0
    discrepancies: Mapping[ReconciledSystem, Difference] = field(default_factory=dict)
    """The differences by the other system, while they last."""

    @property
    def needs_attention(self) -> bool:
        return bool(self.parked) or any(not d.is_accepted for d in self.discrepancies.values())


def evolve(  # noqa: PLR0911 - one for each event
    state: SagaState, event: e.SagaEvent
) -> SagaState:
    match event:
        case e.SagaParked():
            parked = Parked(event.parking, event.undoing, event.workflow_id, event.code)
            return replace(
                state, parked={**state.parked, event.step: parked}, parkings=event.parking
            )
        case e.SagaUnparked():
            return replace(state, parked=_without(event.step, state))
        case e.SagaStepIntervened():
            intervention = INTERVENTION_OF[type(event)]
            skipped = {event.step} if intervention is Intervention.SKIP else set()
            resolved = {event.step} if intervention is Intervention.RESOLVE else set()
            return replace(
                state,
                parked=_without(event.step, state),
                interventions={**state.interventions, event.parking: intervention},
                intervention_counts={
                    **state.intervention_counts,
                    event.step: state.intervention_counts.get(event.step, 0) + 1,
                },
                settled=state.settled | skipped | resolved,
                skipped=state.skipped | skipped,
            )
        case e.SagaRecovered():
            return replace(state, recoveries=state.recoveries + 1)
        case e.DiscrepancyFound():
            found = Difference(event.ours, event.theirs)
            return replace(state, discrepancies={**state.discrepancies, event.system: found})
        case e.DiscrepancyAccepted():
            accepted = replace(state.discrepancies[event.system], is_accepted=True)
            return replace(state, discrepancies={**state.discrepancies, event.system: accepted})
        case e.DiscrepancyResolved():
            others = {
                system: say for system, say in state.discrepancies.items() if system != event.system
            }
            return replace(state, discrepancies=others)


def _without(step: str, state: SagaState) -> Mapping[str, Parked]:
    return {name: parked for name, parked in state.parked.items() if name != step}
