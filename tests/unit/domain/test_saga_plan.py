from __future__ import annotations

from domain.order.state import FORWARD
from domain.saga.plan import FINALIZERS, ORDER_PLAN, RETURN_PLAN


def test_no_two_steps_or_undos_share_a_name() -> None:
    steps = [*ORDER_PLAN, *RETURN_PLAN]
    names = [step.name for step in steps]
    names += [step.undo.name for step in steps if step.undo] + [undo.name for undo in FINALIZERS]

    assert len(names) == len(set(names))


def test_the_steps_of_an_order_follow_the_statuses_that_it_comes_to() -> None:
    until = [step.until for step in ORDER_PLAN if step.name != "capture"]

    assert None not in until
    assert until == sorted(until, key=lambda status: FORWARD.index(status) if status else -1)


def test_only_a_step_with_an_undo_or_without_effect_compensates() -> None:
    turning = {step.name for step in ORDER_PLAN if step.on_failure}

    assert turning >= {"authorize", "await_payment", "create_shipment", "await_dispatch"}
    assert not turning & {"capture", "await_delivery", "deliver", "await_return", "complete"}
    assert {step.name for step in ORDER_PLAN if step.on_failure and not step.undo} == {
        "await_payment",
        "await_dispatch",
    }
