"""The steps of the refunds that operators have requested, as the ledger shows them."""

from __future__ import annotations

from domain.order.state import OrderState
from domain.saga.plan import REFUND_ORDER, PlanStep, refund_order
from queries.saga_history import History
from queries.saga_states import StepState, settled_state


def refund_steps(order: OrderState) -> list[PlanStep]:
    return [refund_order(number) for number in order.refunds]


def refund_states(history: History) -> dict[str, StepState]:
    return {
        step.name: settled_state(step.name, history) or _state(step, history.order)
        for step in refund_steps(history.order)
    }


def _state(step: PlanStep, order: OrderState) -> StepState:
    is_open = order.refunds[int(step.name.removeprefix(REFUND_ORDER))].is_open
    return StepState.RUNNING if is_open else StepState.DONE
