from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.saga import commands as c
from domain.saga import events as e
from domain.saga.plan import OF_THE_LOG
from domain.saga.state import INTERVENTION_OF, SagaState, evolve

_EVENT_OF = {intervention: event for event, intervention in INTERVENTION_OF.items()}
_PASSING_OVER = frozenset({c.Intervention.SKIP, c.Intervention.RESOLVE})


def decide(  # noqa: PLR0911 - one for each command
    command: c.SagaCommand, state: SagaState
) -> Sequence[e.SagaEvent]:
    match command:
        case c.ParkStep():
            return _park(command, state)
        case c.UnparkStep():
            return _unpark(command, state)
        case c.InterveneOnStep():
            return _intervene_on(command, state)
        case c.RecoverSaga():
            return [e.SagaRecovered(order_id=command.aggregate_id, cause=command.cause)]
        case c.RecordDiscrepancy():
            return _record_discrepancy(command, state)
        case c.AcceptDiscrepancy():
            return _accept_discrepancy(command, state)
        case c.ResolveDiscrepancy():
            if command.system not in state.discrepancies:
                return []
            return [e.DiscrepancyResolved(order_id=command.aggregate_id, system=command.system)]
        case _:
            raise TypeError(f"saga does not support {command.command_type}")


def _park(command: c.ParkStep, state: SagaState) -> Sequence[e.SagaEvent]:
    if command.step in state.parked:
        return []
    return [
        e.SagaParked(
            order_id=command.aggregate_id,
            step=command.step,
            undoing=command.undoing,
            parking=state.parkings + 1,
            code=command.code,
            message=command.message,
            workflow_id=command.workflow_id,
        )
    ]


def _unpark(command: c.UnparkStep, state: SagaState) -> Sequence[e.SagaEvent]:
    parked = state.parked.get(command.step)
    if parked is None or parked.number != command.parking:
        return []
    return [
        e.SagaUnparked(order_id=command.aggregate_id, step=command.step, parking=command.parking)
    ]


def _intervene_on(command: c.InterveneOnStep, state: SagaState) -> Sequence[e.SagaEvent]:
    if state.interventions.get(command.parking) is command.kind:
        return []
    parked = state.parked.get(command.step)
    if parked is None or parked.number != command.parking:
        raise Refused(
            ErrorCode.SAGA_NOT_PARKED,
            f"the saga of order {command.aggregate_id} is not parked at {command.step}",
        )
    if parked.undoing and command.kind is c.Intervention.COMPENSATE:
        possible = "retry" if command.step in OF_THE_LOG else "retry, skip or resolve"
        raise Refused(
            ErrorCode.SAGA_ALREADY_COMPENSATING,
            f"the saga of order {command.aggregate_id} already compensates:"
            f" {possible} {command.step}",
        )
    if command.step in OF_THE_LOG and command.kind in _PASSING_OVER:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"{command.step} changes the log alone, so nobody can do it elsewhere, and order"
            f" {command.aggregate_id} cannot end without it: retry it",
        )
    return [
        _EVENT_OF[command.kind](
            order_id=command.aggregate_id,
            step=command.step,
            parking=command.parking,
            reason=command.reason,
        )  # type: ignore[list-item]  # the events of INTERVENTION_OF are all of SagaEvent
    ]


def _record_discrepancy(command: c.RecordDiscrepancy, state: SagaState) -> Sequence[e.SagaEvent]:
    known = state.discrepancies.get(command.system)
    if known is not None and (known.ours, known.theirs) == (command.ours, command.theirs):
        return []
    return [
        e.DiscrepancyFound(
            order_id=command.aggregate_id,
            system=command.system,
            ours=command.ours,
            theirs=command.theirs,
        )
    ]


def _accept_discrepancy(command: c.AcceptDiscrepancy, state: SagaState) -> Sequence[e.SagaEvent]:
    known = state.discrepancies.get(command.system)
    if known is None or (known.ours, known.theirs) != (command.ours, command.theirs):
        raise Refused(
            ErrorCode.NO_DISCREPANCY,
            f"order {command.aggregate_id} no longer has this difference from {command.system}:"
            " read its discrepancies again",
            ("input", "system"),
        )
    if known.is_accepted:
        return []
    return [
        e.DiscrepancyAccepted(
            order_id=command.aggregate_id, system=command.system, reason=command.reason
        )
    ]


SAGA: Aggregate[SagaState] = Aggregate("saga", SagaState(), decide, evolve)
