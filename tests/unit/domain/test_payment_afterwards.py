"""The customer's bank: refunds that fail after they have succeeded, and disputes."""

from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.commands import DisputeOutcome
from domain.payment.decide import PAYMENT
from domain.payment.state import FailedRefund, PaymentStatus
from tests.unit.domain.specification import Specification

payment = Specification(PAYMENT)


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


CAPTURED: Final[tuple[Event, ...]] = (
    e.PaymentRequested(order_id="o-1", attempt=1, amount=eur(1000), method="pm"),
    e.PaymentAuthorized(order_id="o-1", attempt=1, reference="pi_1", amount=eur(1000)),
    e.PaymentCaptured(order_id="o-1", reference="pi_1", amount=eur(1000)),
)
REFUNDED: Final = (
    *CAPTURED,
    e.PaymentRefunded(
        order_id="o-1",
        reference="pi_1",
        amount=eur(1000),
        refunded_in_all=eur(1000),
        purpose="refund",
    ),
)
FAILED: Final = e.PaymentRefundFailed(
    order_id="o-1",
    reference="pi_1",
    failure=1,
    purpose="refund",
    amount=eur(400),
    refunded_in_all=eur(600),
)


def failure(remains: int) -> c.RecordRefundFailure:
    return c.RecordRefundFailure(aggregate_id="o-1", purpose="refund", remains=eur(remains))


def opened(amount: int = 1000, **in_all: int) -> e.PaymentDisputed:
    return e.PaymentDisputed(
        order_id="o-1",
        reference="pi_1",
        dispute_id="dp_1",
        amount=eur(amount),
        disputed_in_all=eur(in_all.get("disputed", amount)),
        won_in_all=eur(in_all.get("won", 0)),
        lost_in_all=eur(in_all.get("lost", 0)),
        reason="fraudulent",
    )


def closed(outcome: DisputeOutcome, amount: int = 1000) -> e.PaymentDisputeClosed:
    return e.PaymentDisputeClosed(
        order_id="o-1",
        reference="pi_1",
        dispute_id="dp_1",
        amount=eur(amount),
        disputed_in_all=eur(0),
        won_in_all=eur(amount if outcome is DisputeOutcome.WON else 0),
        lost_in_all=eur(amount if outcome is DisputeOutcome.LOST else 0),
        outcome=outcome,
    )


def dispute(outcome: DisputeOutcome | None = None, amount: int = 1000) -> c.RecordDispute:
    return c.RecordDispute(
        aggregate_id="o-1",
        dispute_id="dp_1",
        amount=eur(amount),
        reason="fraudulent",
        outcome=outcome,
    )


def test_a_failed_refund_corrects_the_refunded_amount() -> None:
    payment.given(REFUNDED).when(failure(600)).then([FAILED])
    state = PAYMENT.fold([*REFUNDED, FAILED])
    assert (state.status, state.refunded) == (PaymentStatus.CAPTURED, 600)
    assert state.failed_refunds == {1: FailedRefund("refund", 400)}


@pytest.mark.parametrize("remains", [1000, 1200])
def test_a_refund_that_stands_has_not_failed(remains: int) -> None:
    payment.given(REFUNDED).when(failure(remains)).then([])
    payment.given([*REFUNDED, FAILED]).when(failure(600)).then([])


def test_a_repeated_refund_makes_its_failure_good() -> None:
    again = e.PaymentRefunded(
        order_id="o-1",
        reference="pi_1",
        amount=eur(400),
        refunded_in_all=eur(1000),
        purpose="refund",
        repeats=1,
    )
    payment.given([*REFUNDED, FAILED]).when(
        c.RecordRefund(aggregate_id="o-1", purpose="refund", given=eur(1000), repeats=1)
    ).then([again])
    state = PAYMENT.fold([*REFUNDED, FAILED, again])
    assert (state.status, state.failed_refunds) == (PaymentStatus.REFUNDED, {})


def test_a_dispute_is_recorded_once_and_again_with_another_amount() -> None:
    payment.given(CAPTURED).when(dispute()).then([opened()])
    payment.given([*CAPTURED, opened()]).when(dispute()).then([])
    payment.given([*CAPTURED, opened()]).when(dispute(amount=700)).then([opened(700)])
    assert PAYMENT.fold([*CAPTURED, opened()]).disputed == 1000


@pytest.mark.parametrize("outcome", DisputeOutcome)
def test_a_dispute_is_closed_once(outcome: DisputeOutcome) -> None:
    history = [*CAPTURED, opened()]
    payment.given(history).when(dispute(outcome)).then([closed(outcome)])
    payment.given([*history, closed(outcome)]).when(dispute(outcome)).then([])
    assert PAYMENT.fold([*history, closed(outcome)]).disputed == 0


def test_a_dispute_that_is_closed_before_the_log_hears_of_it_was_open() -> None:
    outcome = DisputeOutcome.WON
    payment.given(CAPTURED).when(dispute(outcome)).then([opened(), closed(outcome)])


def test_a_closed_inquiry_may_become_a_dispute() -> None:
    history = [*CAPTURED, opened(), closed(DisputeOutcome.WON)]
    payment.given(history).when(dispute()).then([opened()])


def test_no_more_is_refunded_than_a_lost_dispute_leaves() -> None:
    history = [*CAPTURED, opened(700), closed(DisputeOutcome.LOST, 700)]
    refund = c.RecordRefund(aggregate_id="o-1", purpose="refund", given=eur(400))
    payment.given(history).when(refund).then_refused(ErrorCode.WRONG_STATE)
    assert PAYMENT.fold(history).refundable == 300


def test_a_payment_that_was_never_made_is_not_disputed() -> None:
    payment.given([]).when(dispute()).then_refused(ErrorCode.WRONG_STATE)
