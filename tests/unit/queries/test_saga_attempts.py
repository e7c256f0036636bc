"""Each attempt at a step stays readable, whatever follows it."""

from __future__ import annotations

from datetime import datetime

import pytest

from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.payment import events as payment
from domain.payment.commands import HoldEnd
from domain.saga.commands import Intervention
from domain.shipping import events as shipping
from queries.saga_attempts import AttemptView
from queries.saga_ledger import FailedCalls
from tests.unit.queries.saga_log import EUROS, SagaLog, at, failed_call

Shown = tuple[str, datetime | None, datetime | None, str | None, str | None]
DECLINED = payment.PaymentDeclined(
    order_id="o1", attempt=1, reference="pi_1", code="insufficient_funds"
)
PENDING = payment.PaymentPending(order_id="o1", attempt=1, reference="pi_1", action_url=None)
CAPTURED = payment.PaymentCaptured(order_id="o1", reference="pi_1", amount=EUROS)


def attempts(log: SagaLog, step: str, failed_calls: FailedCalls | None = None) -> list[AttemptView]:
    steps = log.view(failed_calls).steps
    parts = {part.name: part for each in steps for part in (each, each.undo) if part is not None}
    return list(parts[step].attempts)


def shown(log: SagaLog, step: str, failed_calls: FailedCalls | None = None) -> list[Shown]:
    """Return the outcome, the beginning, the end, the code and the reference of each attempt."""
    return [
        (each.outcome.value, each.started_at, each.ended_at, each.code, each.reference)
        for each in attempts(log, step, failed_calls)
    ]


def asked_again(log: SagaLog, attempt: int) -> SagaLog:
    """The customer has brought another method."""
    requested = payment.PaymentRequested(
        order_id="o1", attempt=attempt, amount=EUROS, method="pm_visa"
    )
    return log.add("authorize/retry/0b9c", requested, workflow="payment-o1")


def paid(log: SagaLog, attempt: int) -> SagaLog:
    return log.add(
        f"authorize/{attempt}/authorized/0",
        payment.PaymentAuthorized(
            order_id="o1", attempt=attempt, amount=EUROS, reference=f"pi_{attempt}"
        ),
        order.OrderAuthorized(order_id="o1"),
        order.OrderConfirmed(order_id="o1"),
        workflow="payment-o1",
    )


def declined_twice() -> SagaLog:
    log = asked_again(SagaLog().asked().add("authorize/1/declined/0", DECLINED), 2)
    again = payment.PaymentDeclined(order_id="o1", attempt=2, reference="pi_2", code="fraudulent")
    return log.add("authorize/2/declined/0", again, workflow="payment-o1")


def test_declined_attempts_stay_readable_once_the_order_is_paid() -> None:
    log = paid(asked_again(declined_twice(), 3), 3)

    assert shown(log, "authorize") == [
        ("DECLINED", at(2), at(3), "insufficient_funds", "pi_1"),
        ("DECLINED", at(4), at(5), "fraudulent", "pi_2"),
        ("SUCCEEDED", at(6), at(7), None, "pi_3"),
    ]
    authorize = log.view().steps[1]
    assert [each.number for each in authorize.attempts] == [1, 2, 3]
    assert authorize.attempt_count == 3
    assert authorize.last_error == authorize.attempts[1]


def test_a_further_attempt_to_pay_runs_until_it_is_answered() -> None:
    log = asked_again(declined_twice(), 3)

    assert shown(log, "authorize")[-1] == ("RUNNING", at(6), None, None, None)
    assert log.view().steps[1].state.value == "RUNNING"


def test_an_attempt_that_the_customer_approves_later_is_one_attempt() -> None:
    log = SagaLog().asked().add("authorize/1/pending/0", PENDING)
    assert shown(log, "authorize") == [("PENDING", at(2), None, None, "pi_1")]

    assert shown(paid(log, 1), "authorize") == [("SUCCEEDED", at(2), at(4), None, "pi_1")]


def test_an_attempt_is_abandoned_when_another_one_replaces_it() -> None:
    log = asked_again(SagaLog().asked().add("authorize/1/pending/0", PENDING), 2)

    assert shown(log, "authorize") == [
        ("ABANDONED", at(2), at(4), None, "pi_1"),
        ("RUNNING", at(4), None, None, None),
    ]


def test_an_attempt_is_abandoned_when_it_is_voided() -> None:
    log = SagaLog().asked().cancellation_requested(CancellationReason.CUSTOMER_REQUEST)
    log.add("give_back", payment.PaymentVoided(order_id="o1", attempt=1))

    assert shown(log, "authorize") == [("ABANDONED", at(2), at(4), None, None)]


def test_a_refusal_to_create_the_payment_is_an_attempt() -> None:
    refused = payment.PaymentRefused(order_id="o1", attempt=1, code="amount_too_small")
    log = SagaLog().asked().add("authorize/1/refused", refused)

    assert shown(log, "authorize") == [("REFUSED", at(2), at(3), "amount_too_small", None)]


def test_an_order_without_payment_has_one_attempt() -> None:
    log = SagaLog().reserved().add("authorize/unpaid", order.OrderAuthorized(order_id="o1"))

    assert shown(log, "authorize") == [("SUCCEEDED", at(1), at(2), None, None)]


def test_failed_calls_come_before_the_attempt_that_succeeds() -> None:
    calls = {"authorize": [failed_call(1, 2.3), failed_call(2, 2.6)]}

    assert shown(SagaLog().confirmed(), "authorize", calls) == [
        ("FAILED", at(2.25), at(2.3), "ERROR", None),
        ("FAILED", at(2.55), at(2.6), "ERROR", None),
        ("SUCCEEDED", at(2.6), at(3), None, "pi_1"),
    ]


def test_attempts_are_counted_on_when_the_oldest_are_forgotten() -> None:
    calls = {"capture": [failed_call(41, 5.3), failed_call(42, 5.6)]}
    found = attempts(SagaLog().captured(), "capture", calls)

    assert [each.number for each in found] == [41, 42, 43]


def test_a_parking_is_the_failed_call_that_a_worker_has_noted() -> None:
    calls = {"capture": [failed_call(1, 5.9)]}
    log = SagaLog().shipped().parked("capture")

    assert shown(log, "capture", calls) == [("FAILED", at(5.85), at(5.9), "ERROR", None)]


def test_a_parking_is_an_attempt_when_no_worker_has_noted_its_failure() -> None:
    log = SagaLog().shipped().parked("capture")
    log.intervened(Intervention.RETRY, "capture").parked("capture", 2)
    log.intervened(Intervention.RETRY, "capture", 2).add("capture", CAPTURED)

    assert shown(log, "capture") == [
        ("FAILED", at(5), at(6), "PROVIDER_REFUSED", None),
        ("FAILED", at(7), at(8), "PROVIDER_REFUSED", None),
        ("SUCCEEDED", at(9), at(10), None, "pi_1"),
    ]


@pytest.mark.parametrize("intervention", [Intervention.SKIP, Intervention.RESOLVE])
def test_a_step_that_an_operator_has_settled_has_not_succeeded(intervention: Intervention) -> None:
    log = SagaLog().shipped().parked("capture").intervened(intervention, "capture")

    assert shown(log, "capture") == [("FAILED", at(5), at(6), "PROVIDER_REFUSED", None)]


def test_a_shipment_is_booked_again_after_the_customer_has_paid_again() -> None:
    log = SagaLog().announced()
    log.add("stop_parcel", shipping.ShipmentStopped(order_id="o1", booking=1, attempt=1)).add(
        "hold/1",
        payment.PaymentHoldEnded(
            order_id="o1", attempt=1, reference="pi_1", cause=HoldEnd.RUNNING_OUT
        ),
        order.OrderConfirmationWithdrawn(order_id="o1"),
    )
    paid(asked_again(log, 2), 2).add(
        "create_shipment/2",
        shipping.ShipmentCreated(order_id="o1", shipment_id="shp_2", booking=2),
    )

    assert shown(log, "authorize") == [
        ("SUCCEEDED", at(2), at(3), None, "pi_1"),
        ("SUCCEEDED", at(7), at(8), None, "pi_2"),
    ]
    assert shown(log, "ask_again") == [("SUCCEEDED", at(5), at(6), None, "pi_1")]
    assert [each[0::4] for each in shown(log, "create_shipment")] == [
        ("SUCCEEDED", "shp_1"),
        ("SUCCEEDED", "shp_2"),
    ]
