from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.saga import commands as c
from domain.saga import events as e
from domain.saga.plan import CLOSING
from domain.saga.state import DECISION_OF, SagaState, evolve

_EVENT_OF = {decision: event for event, decision in DECISION_OF.items()}
_CLOSING = frozenset(undo.name for undo in CLOSING)
_PASSING_OVER = frozenset({c.Decision.SKIP, c.Decision.RESOLVE})


def decide(command: c.SagaCommand, state: SagaState) -> Sequence[e.SagaEvent]:
    match command:
        case c.ParkStep():
            return _park(command, state)
        case c.DecideOnStep():
            return _decide_on(command, state)
        case c.TakeUpSaga():
            return [e.SagaTakenUp(order_id=command.aggregate_id, cause=command.cause)]
        case c.RecordDifference():
            return _record_difference(command, state)
        case c.SettleDifference():
            if command.book not in state.differences:
                return []
            return [e.DifferenceSettled(order_id=command.aggregate_id, book=command.book)]
        case _:
            raise TypeError(f"a saga knows no {command.command_type}")


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


def _decide_on(command: c.DecideOnStep, state: SagaState) -> Sequence[e.SagaEvent]:
    if state.decided.get(command.parking) is command.decision:
        return []
    parked = state.parked.get(command.step)
    if parked is None or parked.number != command.parking:
        raise Refused(
            ErrorCode.SAGA_NOT_PARKED,
            f"the saga of order {command.aggregate_id} is not parked at {command.step}",
        )
    if parked.undoing and command.decision is c.Decision.COMPENSATE:
        raise Refused(
            ErrorCode.SAGA_ALREADY_TURNED,
            f"the saga of order {command.aggregate_id} is undoing already:"
            f" retry, skip or resolve {command.step}",
        )
    if command.step in _CLOSING and command.decision in _PASSING_OVER:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"{command.step} is how the order's way back ends, and cannot be left out: retry it",
        )
    return [
        _EVENT_OF[command.decision](
            order_id=command.aggregate_id,
            step=command.step,
            parking=command.parking,
            reason=command.reason,
        )  # type: ignore[list-item]  # the events of DECISION_OF are all of SagaEvent
    ]


def _record_difference(command: c.RecordDifference, state: SagaState) -> Sequence[e.SagaEvent]:
    if state.differences.get(command.book) == command.theirs:
        return []
    return [
        e.DifferenceFound(
            order_id=command.aggregate_id,
            book=command.book,
            ours=command.ours,
            theirs=command.theirs,
        )
    ]


SAGA: Aggregate[SagaState] = Aggregate("saga", SagaState(), decide, evolve)
