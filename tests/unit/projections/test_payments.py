from __future__ import annotations

from typing import Final

import pytest

from domain.money import Money
from domain.payment import events as e
from domain.payment.commands import HoldEnd
from projections.payments import PAYMENTS
from projections.tables import payment_view
from tests.support.projections import given

TOTAL: Final = Money(amount=900, currency="EUR")
REQUESTED: Final = e.PaymentRequested(order_id="o-1", attempt=1, amount=TOTAL, method="pm_1")
PENDING: Final = e.PaymentPending(
    order_id="o-1", attempt=1, reference="pi_1", action_url="https://payments.example/pi_1"
)
AUTHORIZED: Final = e.PaymentAuthorized(order_id="o-1", attempt=1, reference="pi_1", amount=TOTAL)
CAPTURED: Final = e.PaymentCaptured(order_id="o-1", reference="pi_1", amount=TOTAL)

SETTLED: Final = e.PaymentSettledByOperator(
    order_id="o-1", attempt=1, step="give_back", amount=TOTAL, settled_in_all=TOTAL
)


def refunded(cents: int, in_all: int) -> e.PaymentRefunded:
    amount, refunded_in_all = (Money(amount=n, currency="EUR") for n in (cents, in_all))
    return e.PaymentRefunded(
        order_id="o-1",
        reference="pi_1",
        amount=amount,
        refunded_in_all=refunded_in_all,
        purpose="refund",
    )


def test_a_payment_is_requested() -> None:
    row = {
        "order_id": "o-1",
        "status": "REQUESTED",
        "attempt": 1,
        "currency": "EUR",
        "amount": 900,
        "captured": 0,
        "refunded": 0,
        "position": 1,
    }
    given(PAYMENTS, [REQUESTED]).then({payment_view: [row]})


def test_a_pending_payment_has_the_url_at_which_the_customer_acts() -> None:
    row = {"status": "PENDING", "action_url": "https://payments.example/pi_1"}
    given(PAYMENTS, [REQUESTED, PENDING]).then({payment_view: [row]})


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (AUTHORIZED, "AUTHORIZED"),
        (e.PaymentDeclined(order_id="o-1", attempt=1, reference="pi_1", code="no"), "DECLINED"),
        (
            e.PaymentHoldEnded(order_id="o-1", attempt=1, reference="pi_1", cause=HoldEnd.RELEASED),
            "DECLINED",
        ),
        (e.PaymentVoided(order_id="o-1", attempt=1), "VOIDED"),
        (SETTLED, "SETTLED_BY_OPERATOR"),
        (REQUESTED.model_copy(update={"attempt": 2}), "REQUESTED"),
    ],
)
def test_a_payment_that_is_no_longer_pending_has_no_url(event: e.PaymentEvent, status: str) -> None:
    row = {"status": status, "action_url": None}
    given(PAYMENTS, [REQUESTED, PENDING, event]).then({payment_view: [row]})


def test_a_hold_that_has_ended_says_why_in_place_of_a_decline() -> None:
    ended = e.PaymentHoldEnded(
        order_id="o-1", attempt=1, reference="pi_1", cause=HoldEnd.RUNNING_OUT
    )
    row = {"status": "DECLINED", "decline_code": "hold_running_out", "captured": 0}
    given(PAYMENTS, [REQUESTED, AUTHORIZED, ended]).then({payment_view: [row]})


def test_a_refused_payment_shows_the_providers_code() -> None:
    refused = e.PaymentRefused(order_id="o-1", attempt=1, code="amount_too_small")
    row = {"status": "REFUSED", "decline_code": "amount_too_small", "reference": None}
    given(PAYMENTS, [REQUESTED, refused]).then({payment_view: [row]})


def test_a_payment_is_refunded_when_all_that_was_captured_is() -> None:
    captured = [REQUESTED, AUTHORIZED, CAPTURED]
    part = {"status": "CAPTURED", "captured": 900, "refunded": 300}
    given(PAYMENTS, [*captured, refunded(300, 300)]).then({payment_view: [part]})
    whole = {"status": "REFUNDED", "captured": 900, "refunded": 900}
    events = [*captured, refunded(300, 300), refunded(600, 900)]
    given(PAYMENTS, events).then({payment_view: [whole]})


def test_a_settled_payment_is_refunded_only_when_the_provider_has_refunded_all() -> None:
    settled = [REQUESTED, AUTHORIZED, CAPTURED, SETTLED]
    part = {"status": "SETTLED_BY_OPERATOR", "refunded": 300}
    given(PAYMENTS, [*settled, refunded(300, 300)]).then({payment_view: [part]})
    whole = {"status": "REFUNDED", "refunded": 900}
    given(PAYMENTS, [*settled, refunded(900, 900)]).then({payment_view: [whole]})


def test_a_refund_that_fails_later_leaves_a_settled_payment_settled() -> None:
    failed = e.PaymentRefundFailed(
        order_id="o-1",
        reference="pi_1",
        failure=1,
        purpose="refund",
        amount=Money(amount=300, currency="EUR"),
        refunded_in_all=Money(amount=0, currency="EUR"),
    )
    history = [REQUESTED, AUTHORIZED, CAPTURED, refunded(300, 300), SETTLED, failed]
    row = {"status": "SETTLED_BY_OPERATOR", "refunded": 0}
    given(PAYMENTS, history).then({payment_view: [row]})


def test_a_refund_that_an_operator_has_given_leaves_the_row_as_it_is() -> None:
    settled = e.PaymentRefundSettledByOperator(
        order_id="o-1",
        step="refund_order_1",
        amount=TOTAL,
        by_hand=Money(amount=0, currency="EUR"),
        settled_in_all=TOTAL,
    )
    row = {"status": "CAPTURED", "refunded": 0, "position": 4}
    given(PAYMENTS, [REQUESTED, AUTHORIZED, CAPTURED, settled]).then({payment_view: [row]})


def test_an_event_without_a_requested_payment_makes_no_row() -> None:
    given(PAYMENTS, [CAPTURED]).then({})
