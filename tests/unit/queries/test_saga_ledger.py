from __future__ import annotations

import pytest

from domain.inventory.events import BackorderQueued, InventoryReleased
from domain.order import events as order
from domain.order.commands import CancellationReason as Reason
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.payment import events as payment
from domain.saga.commands import Intervention, ReconciledSystem, RecoveryCause
from domain.saga.events import DiscrepancyFound, DiscrepancyResolved, SagaRecovered
from domain.saga.plan import ORDER_PLAN
from queries.saga_history import DiscrepancyView
from queries.saga_ledger import FailedCalls, SagaStatus, SagaView
from queries.saga_states import StepState
from tests.support.order_parts import PLACED_AT
from tests.unit.queries.saga_log import EUROS, SagaLog, at, failed_call

NAMES = [step.name for step in ORDER_PLAN]
UNDONE_TO_SHIPMENT = {
    step.name: "UNDONE" if step.undo else "DONE"
    for step in ORDER_PLAN[: NAMES.index("create_shipment") + 1]
}
DECLINED = payment.PaymentDeclined(order_id="o1", attempt=1, reference="pi_1", code="no")
VOIDED = payment.PaymentVoided(order_id="o1", attempt=1)


def states(view: SagaView) -> dict[str, str]:
    """Return the states of all steps that are not merely planned."""
    return {s.name: s.state.value for s in view.steps if s.state is not StepState.PLANNED}


def undos(view: SagaView) -> dict[str, str]:
    found = [step.undo for step in view.steps if step.undo is not None]
    return {undo.name: undo.state.value for undo in found if undo.state is not StepState.PLANNED}


def done_before(step: str) -> dict[str, str]:
    """Return the steps of the plan before this one, as done."""
    return dict.fromkeys(NAMES[: NAMES.index(step)], "DONE")


def failed(**counts: int) -> FailedCalls:
    """Return as many failed calls of each step, a tenth of a second apart after the 5th second."""
    return {
        step: [failed_call(number, 5 + number / 10) for number in range(1, count + 1)]
        for step, count in counts.items()
    }


@pytest.mark.parametrize(
    ("log", "running"),
    [
        (SagaLog().placed(), "reserve"),
        (SagaLog().reserved(), NAMES[1]),
        (SagaLog().asked(), "authorize"),
        (SagaLog().confirmed(), "create_shipment"),
        (SagaLog().announced(), "await_dispatch"),
        (SagaLog().shipped(), "capture"),
        (SagaLog().captured(), "await_delivery"),
        (SagaLog().delivered(), "await_return"),
    ],
)
def test_the_first_step_that_is_not_done_is_running(log: SagaLog, running: str) -> None:
    view = log.view()

    assert states(view) == {**done_before(running), running: "RUNNING"}
    assert view.status is SagaStatus.FORWARD
    assert undos(view) == {}


def test_all_steps_of_a_completed_order_are_done() -> None:
    view = SagaLog().completed().view()

    assert states(view) == dict.fromkeys(NAMES, "DONE")
    assert view.status is SagaStatus.FINAL
    assert [step.name for step in view.steps] == NAMES


def test_a_declined_payment_waits_for_its_customer() -> None:
    view = SagaLog().asked().add("authorize/1/declined", DECLINED).view()

    assert states(view) == {**done_before("await_payment"), "await_payment": "RUNNING"}


def test_a_further_payment_attempt_repeats_the_authorization() -> None:
    again = payment.PaymentRequested(order_id="o1", attempt=2, amount=EUROS, method="pm_visa")
    log = SagaLog().asked().add("authorize/1/declined", DECLINED)
    view = log.add("authorize/2/request", again, workflow="payment-o1").view()

    assert states(view) == {**done_before("authorize"), "authorize": "RUNNING"}
    assert view.workflow_ids == ["order-o1", "payment-o1"]


def test_a_step_without_a_record_is_done_once_a_later_step_has_one() -> None:
    request = payment.PaymentRequested(order_id="o1", attempt=1, amount=EUROS, method="pm_visa")
    view = SagaLog().placed().add("authorize/1/request", request).view()

    assert states(view) == {**done_before("authorize"), "authorize": "RUNNING"}


def test_an_order_that_is_rejected_failed_at_its_reservation() -> None:
    log = SagaLog().placed()
    log.add("reject", order.OrderRejected(order_id="o1", reason="OUT_OF_STOCK", sku="mug"))
    view = log.view(failed(reserve=1))

    assert (states(view), view.status) == ({"reserve": "FAILED"}, SagaStatus.FINAL)
    assert [(a.code, a.message) for a in view.steps[0].attempts] == [("ERROR", "it failed")]
    assert view.steps[0].last_error == view.steps[0].attempts[0]


def test_undos_run_newest_first_and_parallel_undos_together() -> None:
    log = SagaLog().announced().cancellation_requested(Reason.CUSTOMER_REQUEST)
    assert undos(log.view()) == {"cancel_shipment": "UNDOING"}
    assert log.view().status is SagaStatus.COMPENSATING

    log.add("give_back", VOIDED)
    assert undos(log.view()).items() >= {
        ("cancel_shipment", "UNDONE"),
        ("give_back", "UNDONE"),
        ("release", "UNDOING"),
    }


def test_a_cancelled_order_is_compensated_from_the_step_that_it_reached() -> None:
    log = (
        SagaLog()
        .confirmed()
        .cancellation_requested(Reason.CUSTOMER_REQUEST)
        .add("give_back", VOIDED)
    )
    view = log.cancelled(Reason.CUSTOMER_REQUEST).view()

    assert states(view) == {
        **UNDONE_TO_SHIPMENT,
        "cancel": "DONE",
    }
    assert view.status is SagaStatus.FINAL


def test_a_deadline_that_was_missed_has_failed() -> None:
    log = SagaLog().announced().cancellation_requested(Reason.DISPATCH_DEADLINE_MISSED)
    view = log.cancelled(Reason.DISPATCH_DEADLINE_MISSED).view()

    assert states(view)["await_dispatch"] == "FAILED"
    assert "capture" not in states(view)


def test_a_parcel_that_has_left_is_not_stopped() -> None:
    view = SagaLog().captured().cancellation_requested(Reason.PARCEL_LOST).view()

    assert undos(view) == {"give_back": "UNDOING", "release": "UNDONE"}
    assert states(view)["create_shipment"] == "DONE"
    assert states(view)["await_delivery"] == "FAILED"


def test_a_withdrawn_cancellation_leaves_the_saga_going_forward() -> None:
    log = SagaLog().announced().cancellation_requested(Reason.CUSTOMER_REQUEST)
    log.add("withdraw_cancellation", order.OrderCancellationWithdrawn(order_id="o1"))
    view = log.view()

    assert states(view) == {
        **done_before("await_dispatch"),
        "await_dispatch": "RUNNING",
        "withdraw_cancellation": "DONE",
    }
    assert undos(view) == {}


def test_a_parked_step_has_failed_and_nothing_runs() -> None:
    view = SagaLog().shipped().parked("capture").view(failed(capture=4))

    assert states(view) == {**done_before("capture"), "capture": "FAILED"}
    assert (view.status, view.needs_attention) == (SagaStatus.PARKED, True)
    capture = view.steps[NAMES.index("capture")]
    assert capture.attempt_count == 4
    assert capture.parking is not None
    assert (capture.parking.number, capture.parking.since) == (1, view.parked_since)
    assert list(view.parked) == ["capture"]


@pytest.mark.parametrize(
    ("intervention", "state", "following"),
    [
        (Intervention.RETRY, "RUNNING", None),
        (Intervention.SKIP, "SKIPPED", "RUNNING"),
        (Intervention.RESOLVE, "DONE", "RUNNING"),
    ],
)
def test_an_intervention_continues_the_saga(
    intervention: Intervention, state: str, following: str | None
) -> None:
    view = SagaLog().shipped().parked("capture").intervened(intervention, "capture").view()

    assert (states(view)["capture"], states(view).get("await_delivery")) == (state, following)
    assert (view.status, view.needs_attention) == (SagaStatus.FORWARD, False)
    (made,) = view.interventions
    assert (made.step, made.parking, made.kind) == ("capture", 1, intervention)
    assert (made.reason, made.actor, made.at) == ("mended", "operator:eve", at(7))
    assert view.parked == {}


def test_a_parked_undo_shows_at_its_step_while_its_neighbour_is_undone() -> None:
    log = SagaLog().confirmed().cancellation_requested(Reason.CUSTOMER_REQUEST)
    log.add("release", InventoryReleased(sku="mug", order_id="o1", quantity=2))
    view = log.parked("give_back", undoing=True).view()

    assert (states(view)["authorize"], states(view)["reserve"]) == ("FAILED", "UNDONE")
    assert undos(view).items() >= {
        ("cancel_shipment", "UNDONE"),
        ("give_back", "FAILED"),
        ("release", "UNDONE"),
    }
    assert list(view.parked) == ["give_back"]
    assert view.status is SagaStatus.PARKED


def test_a_release_is_done_once_the_stock_is_released() -> None:
    log = SagaLog().confirmed().cancellation_requested(Reason.CUSTOMER_REQUEST)
    assert undos(log.view())["cancel_shipment"] == "UNDOING"
    log.parked("give_back", undoing=True)
    assert undos(log.view())["release"] == "UNDOING"

    log.add("release", InventoryReleased(sku="mug", order_id="o1", quantity=2))
    view = log.view()
    assert undos(view)["release"] == "UNDONE"
    release = view.steps[0].undo
    assert release is not None
    assert release.ended_at == at(6)


def test_stock_that_a_step_records_before_it_has_ended_does_not_end_it() -> None:
    log = SagaLog().placed()
    queued = BackorderQueued(sku="mug", order_id="o1", quantity=2, since=PLACED_AT)
    log.add("reserve/backorder/mug", queued)

    assert states(log.view()) == {"reserve": "RUNNING"}


def test_a_parcel_that_has_left_holds_no_stock_to_release() -> None:
    log = SagaLog().captured().cancellation_requested(Reason.PARCEL_LOST)
    view = log.parked("give_back", undoing=True).view()

    assert undos(view)["release"] == "UNDONE"
    assert undos(view)["give_back"] == "FAILED"


def test_a_skipped_undo_leaves_its_step_unchanged() -> None:
    log = SagaLog().confirmed().cancellation_requested(Reason.CUSTOMER_REQUEST)
    log.parked("give_back", undoing=True).intervened(Intervention.SKIP, "give_back")
    view = log.cancelled(Reason.CUSTOMER_REQUEST).view()

    assert undos(view)["give_back"] == "SKIPPED"
    assert states(view)["authorize"] == "DONE"


REFUND = Price(currency="EUR", lines=500, total=500)


def returning() -> SagaLog:
    lines = (ReturnedLine(sku="mug", quantity=2),)
    requested = order.OrderReturnRequested(order_id="o1", lines=lines, refund=REFUND)
    return SagaLog().delivered().add("request_return", requested)


def test_a_return_adds_its_steps() -> None:
    view = returning().view()

    assert [step.name for step in view.steps] == [
        *NAMES,
        "collect_return",
        "await_goods",
        "refund",
    ]
    assert states(view) == {
        **done_before("await_return"),
        "await_return": "RUNNING",
        "collect_return": "RUNNING",
    }


def test_a_return_ends_the_order() -> None:
    lines = (ReturnedLine(sku="mug", quantity=2),)
    log = returning().add(
        "refund",
        order.OrderReturned(
            order_id="o1", lines=lines, refund=REFUND, refunded=REFUND.money, is_whole=True
        ),
    )
    view = log.view()

    assert states(view) == {
        **done_before("complete"),
        "collect_return": "DONE",
        "await_goods": "DONE",
        "refund": "DONE",
    }
    assert view.status is SagaStatus.FINAL


def test_a_return_that_is_requested_again_is_collected_again() -> None:
    log = returning().parked("collect_return", undoing=True)
    log.intervened(Intervention.SKIP, "collect_return")
    assert states(log.view())["collect_return"] == "SKIPPED"
    log.add("lapse_return", order.OrderReturnLapsed(order_id="o1"))

    lines = (ReturnedLine(sku="mug", quantity=2),)
    log.add(
        "request_return/1",
        order.OrderReturnRequested(order_id="o1", lines=lines, refund=REFUND),
    )

    assert states(log.view())["collect_return"] == "RUNNING"
    assert "await_goods" not in states(log.view())


def test_a_return_without_its_goods_fails_and_the_order_continues() -> None:
    view = returning().add("lapse", order.OrderReturnLapsed(order_id="o1")).view()

    assert states(view) == {
        **done_before("await_return"),
        "await_return": "RUNNING",
        "collect_return": "FAILED",
    }
    assert view.status is SagaStatus.FORWARD


def test_steps_show_their_times_and_attempts() -> None:
    steps = {s.name: s for s in SagaLog().captured().view(failed(capture=2)).steps}

    times = {name: (step.started_at, step.ended_at) for name, step in steps.items()}
    assert times["reserve"] == (at(0), at(1))
    assert times["authorize"] == (at(2), at(3))
    assert times["await_payment"] == (at(3), at(3))
    assert times["create_shipment"] == (at(3), at(4))
    assert times["await_dispatch"] == (at(4), at(5))
    assert times["capture"] == (at(5), at(6))
    assert times["await_delivery"] == (at(6), None)
    assert times["complete"] == (None, None)
    assert [steps[name].attempt_count for name in ("reserve", "capture", "complete")] == [1, 3, 0]


def test_an_undo_shows_its_times() -> None:
    log = (
        SagaLog()
        .confirmed()
        .cancellation_requested(Reason.CUSTOMER_REQUEST)
        .add("give_back", VOIDED)
    )
    steps = {s.name: s for s in log.cancelled(Reason.CUSTOMER_REQUEST).view().steps}
    give_back, release = steps["authorize"].undo, steps["reserve"].undo

    assert give_back is not None
    assert release is not None
    assert (give_back.started_at, give_back.ended_at) == (at(4), at(5))
    assert (release.started_at, release.ended_at) == (at(4), at(6))


@pytest.mark.parametrize(
    ("log", "step"),
    [(SagaLog().announced(), "await_dispatch"), (SagaLog().captured(), "await_delivery")],
)
def test_a_failed_look_up_is_shown_at_the_step_that_made_it(log: SagaLog, step: str) -> None:
    view = log.view(failed(track=3))

    assert [(s.name, s.attempt_count) for s in view.steps if s.last_error] == [(step, 4)]


def test_a_discrepancy_needs_attention_until_it_is_resolved() -> None:
    found = DiscrepancyFound(
        order_id="o1", system=ReconciledSystem.PAYMENT, ours="AUTHORIZED", theirs="CAPTURED"
    )
    log = SagaLog().confirmed().add("reconcile/1", found)

    assert log.view().discrepancies == [
        DiscrepancyView(ReconciledSystem.PAYMENT, "AUTHORIZED", "CAPTURED", at(4))
    ]
    assert log.view().needs_attention
    assert log.view().status is SagaStatus.FORWARD

    log.add("reconcile/2", DiscrepancyResolved(order_id="o1", system=ReconciledSystem.PAYMENT))
    assert (log.view().discrepancies, log.view().needs_attention) == ([], False)


def test_each_recovery_of_a_saga_counts() -> None:
    recoveries = SagaRecovered(order_id="o1", cause=RecoveryCause.MISSING)
    log = SagaLog().confirmed().add("recover/1", recoveries).add("recover/2", recoveries)

    assert (log.view().recoveries, log.view().needs_attention) == (2, False)
