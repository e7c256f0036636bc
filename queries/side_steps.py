"""The steps that are in no plan: they run only when something has gone wrong, or on request.

The ledger shows such a step once the log has a trace of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from domain.order.state import OrderStatus
from domain.saga.plan import (
    ASK_AGAIN,
    CREATE_SHIPMENT,
    FINALIZERS,
    ORDER_PLAN,
    RETURN_PLAN,
    PlanStep,
    refund_again,
    refund_order,
)
from queries.saga_history import History
from queries.saga_states import States, StepState, settled_state

_PLANS: Final = (*ORDER_PLAN, *RETURN_PLAN)
_PLANNED: Final = {
    *(step.name for step in _PLANS),
    *(step.undo.name for step in _PLANS if step.undo),
    *(undo.name for undo in FINALIZERS),
}
_OTHERS: Final = {
    "attend": "Ask the providers about news that no other step waits for, and record it.",
    "restore_payment": "Record the attempts to pay that the provider knows of and the log has "
    "lost.",
}


def has_asked_again(history: History) -> bool:
    """Return whether the hold of a payment has ended, so that the customer was asked again."""
    return _has_trace(ASK_AGAIN.name, history)


def side_steps(history: History) -> list[PlanStep]:
    """Return the steps beside the order and its return, without `ask_again`."""
    steps = [
        *(refund_order(number) for number in history.order.refunds),
        *(_refund_again(failure) for failure in range(1, history.payment.failures + 1)),
    ]
    known = {*_PLANNED, ASK_AGAIN.name, *(step.name for step in steps)}
    steps += [
        PlanStep(name, _OTHERS.get(name, ""), timeout="undo_timeout")
        for name in history.parkings
        if name not in known
    ]
    return steps


def side_states(history: History) -> States:
    states = {ASK_AGAIN.name: _of_ask_again(history)} if has_asked_again(history) else {}
    for step in side_steps(history):
        is_open = step.name in _open(history)
        state = StepState.RUNNING if is_open else StepState.DONE
        states[step.name] = settled_state(step.name, history) or state
    return states


def _open(history: History) -> Iterator[str]:
    """Yield the names of the refunds that are still to be made.

    A failed refund is made good unless a later refund has given everything back. A step that is in
    no plan at all records nothing: it is over unless it is parked.
    """
    for number, refund in history.order.refunds.items():
        if refund.is_open:
            yield refund_order(number).name
    payment = history.payment
    if payment.refunded < payment.refundable:
        yield from map(refund_again, payment.failed_refunds)


def _of_ask_again(history: History) -> StepState:
    """It has let the hold go, or the provider has captured it and the parcel is booked again."""
    is_confirmed = history.order.status is OrderStatus.CONFIRMED
    goes_on = is_confirmed and CREATE_SHIPMENT.name not in history.marks
    now = StepState.RUNNING if goes_on else StepState.DONE
    return settled_state(ASK_AGAIN.name, history) or now


def _refund_again(failure: int) -> PlanStep:
    description = f"Make refund failure {failure} good, as an operator decides."
    return PlanStep(refund_again(failure), description, timeout="undo_timeout")


def _has_trace(name: str, history: History) -> bool:
    return name in history.marks or name in history.parkings
