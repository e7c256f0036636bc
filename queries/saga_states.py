"""Derive the state of each step of a saga from its plan and its history.

A step is done once it has recorded so, or once the order has reached the status that the step leads
to. An undo without work records nothing. It is done once an older undo has started, since undos run
newest first, or once the order is cancelled. A parcel that has left holds no reserved stock, so the
release then has no work.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from domain.order.commands import CancellationReason
from domain.order.state import FINAL, OrderStatus
from domain.saga.commands import Intervention
from domain.saga.plan import (
    CAPTURE,
    COMPLETE,
    FINALIZERS,
    ORDER_PLAN,
    RELEASE,
    RETURN_PLAN,
    PlanStep,
    Undo,
)
from queries.saga_history import History


class StepState(StrEnum):
    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"
    FAILED = "FAILED"
    """It waits for an operator; or it has ended the saga or started the compensation."""
    SKIPPED = "SKIPPED"


States = dict[str, StepState]
"""The states by name of a step or an undo; a missing one is PLANNED."""

_COMPENSATION_STATUSES: Final = {OrderStatus.CANCELLING, OrderStatus.CANCELLED}
_BY_REQUEST: Final = {CancellationReason.CUSTOMER_REQUEST, CancellationReason.OPERATOR_REQUEST}
_PASSED: Final = {StepState.DONE, StepState.UNDONE, StepState.SKIPPED}
_CANCEL, _WITHDRAW = FINALIZERS


def states_of(history: History) -> States:
    states = _of_order(history)
    if history.order.has_had_return:
        states |= _of_return(history)
    if history.order.status in _COMPENSATION_STATUSES:
        started = [step for step in ORDER_PLAN if step.name in states]
        states |= _of_undos(_groups(started, history), history)
        states[_CANCEL.name] = _of_cancel(states, history)
    if _has_trace(_WITHDRAW, history):
        states[_WITHDRAW.name] = settled_state(_WITHDRAW.name, history) or StepState.RUNNING
    return states


def settled_state(name: str, history: History) -> StepState | None:
    """Return the state that the step or the undo has recorded; None if it has recorded nothing."""
    mark, intervention = history.marks.get(name), history.decisions.get(name)
    if name in history.parked:
        return StepState.FAILED
    if intervention is Intervention.SKIP:
        return StepState.SKIPPED
    if intervention is Intervention.RESOLVE or (mark is not None and mark.ended_at is not None):
        return StepState.DONE
    return None


def _of_order(history: History) -> States:
    """Return the states of the steps up to the one that the order has reached."""
    states: States = {}
    for index, step in enumerate(ORDER_PLAN):
        state = settled_state(step.name, history)
        is_passed = _is_passed(step, history)
        if state is None and (is_passed or _has_begun(ORDER_PLAN[index + 1 :], history)):
            state = StepState.DONE
        states[step.name] = state or _at_the_front(step, history)
        if states[step.name] not in _PASSED:
            break
    if history.order.status is OrderStatus.RETURNED:
        states.pop(COMPLETE.name, None)
    return states


def _is_passed(step: PlanStep, history: History) -> bool:
    """Return whether the order is beyond the step. Nothing follows a dispatch that needs no
    capture."""
    if step is CAPTURE and not history.order.needs_payment:
        return history.has_reached(OrderStatus.SHIPPED)
    return step.until is not None and history.has_reached(step.until)


def _has_begun(steps: Sequence[PlanStep], history: History) -> bool:
    """Return whether one of these steps has recorded something, so that the steps before it are
    done."""
    return any(step.name in history.marks for step in steps)


def _at_the_front(step: PlanStep, history: History) -> StepState:
    order = history.order
    if order.status in _COMPENSATION_STATUSES:
        failed = step.undo is None and order.cancellation not in _BY_REQUEST
        return StepState.FAILED if failed else StepState.PLANNED
    if order.status is OrderStatus.REJECTED:
        return StepState.FAILED
    return StepState.DONE if order.status in FINAL else StepState.RUNNING


def _of_return(history: History) -> States:
    order = history.order
    states: States = {}
    for index, step in enumerate(RETURN_PLAN):
        state = settled_state(step.name, history)
        later = _has_begun(RETURN_PLAN[index + 1 :], history)
        if state is None and (later or order.returned is not None):
            state = StepState.DONE
        at_the_front = StepState.RUNNING if order.returning is not None else StepState.FAILED
        states[step.name] = state or at_the_front
        if states[step.name] not in _PASSED:
            break
    return states


def _groups(started: Sequence[PlanStep], history: History) -> list[list[Undo]]:
    """Return the possible undos, newest first, grouped by those that run in parallel."""
    has_left = history.has_reached(OrderStatus.SHIPPED)
    groups: list[list[Undo]] = []
    for step in reversed(started):
        undo = step.undo
        if undo is None or (undo.until_pivot and has_left):
            continue
        if groups and undo.parallel and groups[-1][-1].parallel:
            groups[-1].append(undo)
        else:
            groups.append([undo])
    return groups


def _of_undos(groups: Sequence[Sequence[Undo]], history: History) -> States:
    states: States = {}
    for index, group in enumerate(groups):
        older = [undo for later in groups[index + 1 :] for undo in later]
        is_over = history.order.status is OrderStatus.CANCELLED or any(
            _has_trace(undo, history) for undo in older
        )
        states |= {undo.name: _of_undo(undo, history, is_over=is_over) for undo in group}
        if any(states[undo.name] not in _PASSED for undo in group):
            break
    return states


def _of_undo(undo: Undo, history: History, *, is_over: bool) -> StepState:
    state = settled_state(undo.name, history)
    is_over = is_over or (undo is RELEASE and history.order.has_shipped)
    if state is StepState.DONE or (state is None and is_over):
        return StepState.UNDONE
    return state or StepState.UNDOING


def _of_cancel(states: States, history: History) -> StepState:
    if history.order.status is OrderStatus.CANCELLED:
        return StepState.DONE
    undos = [step.undo.name for step in ORDER_PLAN if step.undo and step.name in states]
    all_undone = all(states.get(name, StepState.PLANNED) in _PASSED for name in undos)
    now = StepState.RUNNING if all_undone else StepState.PLANNED
    return settled_state(_CANCEL.name, history) or now


def _has_trace(undo: Undo, history: History) -> bool:
    return any(undo.name in found for found in (history.marks, history.parked, history.decisions))
