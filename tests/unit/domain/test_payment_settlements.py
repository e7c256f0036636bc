"""What an operator settles outside Waybill is recorded once, and is never refunded again."""

from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.decide import PAYMENT
from domain.payment.state import FailedRefund, PaymentStatus
from tests.unit.domain.specification import Specification

payment = Specification(PAYMENT)


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def refunded(amount: int, in_all: int, purpose: str = "refund") -> e.PaymentRefunded:
    return e.PaymentRefunded(
        order_id="o-1",
        reference="pi_1",
        amount=eur(amount),
        refunded_in_all=eur(in_all),
        purpose=purpose,
    )


def refund_settled(
    amount: int, step: str = "refund_order_1", failure: int | None = None, by_hand: int = 0
) -> e.PaymentRefundSettledByOperator:
    return e.PaymentRefundSettledByOperator(
        order_id="o-1",
        step=step,
        amount=eur(amount),
        by_hand=eur(by_hand),
        settled_in_all=eur(amount),
        failure=failure,
    )


def payment_settled(
    amount: int, in_all: int, step: str = "give_back"
) -> e.PaymentSettledByOperator:
    return e.PaymentSettledByOperator(
        order_id="o-1", attempt=1, step=step, amount=eur(amount), settled_in_all=eur(in_all)
    )


HELD: Final[tuple[Event, ...]] = (
    e.PaymentRequested(order_id="o-1", attempt=1, amount=eur(1000), method="pm"),
    e.PaymentAuthorized(order_id="o-1", attempt=1, reference="pi_1", amount=eur(1000)),
)
CAPTURED: Final = (*HELD, e.PaymentCaptured(order_id="o-1", reference="pi_1", amount=eur(1000)))
FAILED: Final = e.PaymentRefundFailed(
    order_id="o-1",
    reference="pi_1",
    failure=1,
    purpose="refund",
    amount=eur(400),
    refunded_in_all=eur(0),
)


def settle_refund(due: int, step: str = "refund_order_1") -> c.RecordRefundSettlement:
    return c.RecordRefundSettlement(aggregate_id="o-1", step=step, due=due)


def settle(step: str = "give_back", *, is_given_back: bool = True) -> c.RecordSettlement:
    return c.RecordSettlement(aggregate_id="o-1", step=step, is_given_back=is_given_back)


def test_a_settled_undo_has_given_back_what_was_left() -> None:
    history = [*CAPTURED, refunded(300, 300)]
    payment.given(history).when(settle()).then([payment_settled(700, 700)])
    payment.given(history).when(settle(is_given_back=False)).then([payment_settled(0, 0)])


def test_a_settled_undo_of_a_hold_has_given_nothing_back() -> None:
    payment.given(HELD).when(settle()).then([payment_settled(0, 0)])


def test_a_settled_refund_counts_what_the_step_had_not_given() -> None:
    history = [*CAPTURED, refunded(100, 100, "refund_order_1")]
    payment.given(history).when(settle_refund(500)).then([refund_settled(400)])
    payment.given([*history, refund_settled(400)]).when(settle_refund(500)).then([])
    state = PAYMENT.fold([*history, refund_settled(400)])
    assert (state.status, state.refunded, state.refundable) == (PaymentStatus.CAPTURED, 100, 600)


def by_hand(amount: int) -> e.PaymentRefundedElsewhere:
    return e.PaymentRefundedElsewhere(
        order_id="o-1",
        reference="pi_1",
        refund_id="re_1",
        amount=eur(amount),
        refunded_in_all=eur(amount),
    )


def settle_with_hand(due: int, refunded: int, step: str) -> c.RecordRefundSettlement:
    return settle_refund(due, step).model_copy(update={"by_hand": refunded})


def test_a_refund_that_was_given_by_hand_at_the_provider_leaves_nothing_to_settle() -> None:
    payment.given([*CAPTURED, by_hand(1000)]).when(settle_refund(500)).then([])


def test_a_part_that_was_refunded_by_hand_since_is_not_counted_twice() -> None:
    command = settle_with_hand(500, 200, "refund")
    settled = refund_settled(300, "refund", by_hand=200)
    payment.given([*CAPTURED, by_hand(200)]).when(command).then([settled])
    payment.given([*CAPTURED, by_hand(200), settled]).when(command).then([])


def test_a_refund_by_hand_stands_in_place_of_one_step() -> None:
    first = refund_settled(0, "refund", by_hand=250)
    history = [*CAPTURED, by_hand(250), first]
    second = settle_with_hand(200, 250, "refund_order_1")

    payment.given(history[:-1]).when(settle_with_hand(250, 250, "refund")).then([first])
    payment.given(history).when(second).then([refund_settled(200)])
    state = PAYMENT.fold([*history, refund_settled(200)])
    assert (state.refunded, state.refundable) == (250, 800)


def test_a_refund_by_hand_of_two_debts_stands_in_place_of_two_steps() -> None:
    first = refund_settled(0, "refund", by_hand=250)
    payment.given([*CAPTURED, by_hand(450), first]).when(
        settle_with_hand(200, 450, "refund_order_1")
    ).then([refund_settled(0, by_hand=200)])


def test_a_refund_that_fails_later_leaves_a_settled_payment_to_the_operator() -> None:
    history = [*CAPTURED, refunded(400, 400), payment_settled(600, 600), FAILED]
    assert PAYMENT.fold(history).status is PaymentStatus.SETTLED_BY_OPERATOR
    whole = [*CAPTURED, refunded(1000, 1000), FAILED]
    assert PAYMENT.fold(whole).status is PaymentStatus.CAPTURED


def hand_refund_failed(amount: int, failure: int | None = 1) -> e.PaymentRefundElsewhereFailed:
    return e.PaymentRefundElsewhereFailed(
        order_id="o-1",
        reference="pi_1",
        failure=failure,
        refund_id="re_1",
        amount=eur(amount),
        refunded_in_all=eur(0),
    )


def test_a_refund_by_hand_that_fails_is_to_be_made_good_and_stands_for_no_step() -> None:
    settled = refund_settled(0, "refund", by_hand=250)
    history = [*CAPTURED, by_hand(250), settled]
    nothing_listed = c.RecordRefundsElsewhere(aggregate_id="o-1", refunds={})
    payment.given(history).when(nothing_listed).then([hand_refund_failed(250)])

    state = PAYMENT.fold([*history, hand_refund_failed(250)])
    assert (state.refunded, state.refundable, state.settled_by_hand) == (0, 1000, 0)
    assert state.failed_refunds == {1: FailedRefund("refund_again_1", 250)}
    payment.given([*history, hand_refund_failed(250)]).when(
        c.RecordRefundSettlement(aggregate_id="o-1", step="refund_again_1", failure=1)
    ).then([refund_settled(250, "refund_again_1", failure=1)])


def test_a_failed_refund_by_hand_in_place_of_a_parked_step_is_not_owed_twice() -> None:
    awaited = c.RecordRefundsElsewhere(aggregate_id="o-1", refunds={}, is_awaited=True)
    history = [*CAPTURED, by_hand(250)]
    payment.given(history).when(awaited).then([hand_refund_failed(250, failure=None)])
    state = PAYMENT.fold([*history, hand_refund_failed(250, failure=None)])
    assert (state.refunded, state.failed_refunds) == (0, {})
    settled = refund_settled(0, "refund", by_hand=250)
    payment.given([*history, settled]).when(awaited).then([hand_refund_failed(250)])


def test_a_failed_refund_by_hand_is_numbered_after_the_other_failures() -> None:
    history = [*CAPTURED, refunded(400, 400), FAILED, by_hand(250)]
    nothing_listed = c.RecordRefundsElsewhere(aggregate_id="o-1", refunds={})
    payment.given(history).when(nothing_listed).then([hand_refund_failed(250, failure=2)])


def test_a_settled_failure_is_made_good_and_not_refunded_again() -> None:
    history = [*CAPTURED, refunded(400, 400), FAILED]
    command = c.RecordRefundSettlement(aggregate_id="o-1", step="refund_again_1", failure=1)
    settled = refund_settled(400, "refund_again_1", failure=1)

    payment.given(history).when(command).then([settled])

    payment.given([*history, settled]).when(command).then([])
    state = PAYMENT.fold([*history, settled])
    assert (state.failed_refunds, state.refunded, state.refundable) == ({}, 0, 600)


def test_a_failure_that_was_made_good_leaves_nothing_to_settle() -> None:
    again = refunded(400, 400).model_copy(update={"repeats": 1})
    command = c.RecordRefundSettlement(aggregate_id="o-1", step="refund_again_1", failure=1)
    payment.given([*CAPTURED, refunded(400, 400), FAILED, again]).when(command).then([])


def test_an_undo_counts_what_an_operator_gave_before() -> None:
    history = [*CAPTURED, refund_settled(400)]
    payment.given(history).when(settle()).then([payment_settled(600, 1000)])


@pytest.mark.parametrize("attempt", [1, 2])
def test_no_late_answer_revives_a_settled_payment(attempt: int) -> None:
    late = c.RecordAuthorization(aggregate_id="o-1", attempt=attempt, reference="pi_1")
    history = [HELD[0], payment_settled(0, 0)]
    payment.given(history).when(late).then_refused(ErrorCode.PAYMENT_SUPERSEDED)


def test_a_refund_at_the_provider_is_recorded_after_the_settlement() -> None:
    refund = c.RecordRefundsElsewhere(aggregate_id="o-1", refunds={"re_1": 200})
    history = [*CAPTURED, payment_settled(1000, 1000)]
    payment.given(history).when(refund).then([by_hand(200)])
    state = PAYMENT.fold([*history, by_hand(200)])
    assert (state.status, state.refunded) == (PaymentStatus.SETTLED_BY_OPERATOR, 200)
