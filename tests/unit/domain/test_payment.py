from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.commands import HoldEnd
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState, PaymentStatus
from tests.unit.domain.specification import Specification, cells

payment = Specification(PAYMENT)

TOTAL: Final = Money(amount=3_000, currency="EUR")
NOTHING: Final = Money(amount=0, currency="EUR")

ASKED: Final = e.PaymentRequested(order_id="o-1", attempt=1, amount=TOTAL, method="pm_card_visa")
PENDING: Final = e.PaymentPending(
    order_id="o-1", attempt=1, reference="pi_1", action_url="https://pay.test/1"
)
AUTHORIZED: Final = e.PaymentAuthorized(order_id="o-1", attempt=1, reference="pi_1", amount=TOTAL)
DECLINED: Final = e.PaymentDeclined(
    order_id="o-1", attempt=1, reference="pi_1", code="insufficient_funds"
)
REFUSED: Final = e.PaymentRefused(order_id="o-1", attempt=1, code="amount_too_small")
CAPTURED: Final = e.PaymentCaptured(order_id="o-1", reference="pi_1", amount=TOTAL)
REFUNDED: Final = e.PaymentRefunded(
    order_id="o-1", reference="pi_1", amount=TOTAL, refunded_in_all=TOTAL, purpose="refund"
)
VOIDED: Final = e.PaymentVoided(order_id="o-1", attempt=1)
SETTLED: Final = e.PaymentSettledByOperator(
    order_id="o-1", attempt=1, step="give_back", amount=NOTHING, settled_in_all=NOTHING
)
ASKED_AGAIN: Final = e.PaymentRequested(
    order_id="o-1", attempt=2, amount=TOTAL, method="pm_card_mastercard"
)

HISTORY: Final[dict[str, tuple[Event, ...]]] = {
    "none": (),
    "REQUESTED": (ASKED,),
    "PENDING": (ASKED, PENDING),
    "AUTHORIZED": (ASKED, AUTHORIZED),
    "DECLINED": (ASKED, DECLINED),
    "REFUSED": (ASKED, REFUSED),
    "CAPTURED": (ASKED, AUTHORIZED, CAPTURED),
    "REFUNDED": (ASKED, AUTHORIZED, CAPTURED, REFUNDED),
    "SETTLED_BY_OPERATOR": (ASKED, AUTHORIZED, SETTLED),
    "VOIDED": (ASKED, AUTHORIZED, VOIDED),
}

COMMANDS: Final[dict[str, tuple[c.PaymentCommand, Event]]] = {
    "ask": (
        c.RequestPayment(aggregate_id="o-1", attempt=1, amount=TOTAL, method="pm_card_visa"),
        ASKED,
    ),
    "ask_again": (
        c.RequestPayment(aggregate_id="o-1", attempt=2, amount=TOTAL, method="pm_card_mastercard"),
        ASKED_AGAIN,
    ),
    "pend": (
        c.RecordPending(
            aggregate_id="o-1", attempt=1, reference="pi_1", action_url="https://pay.test/1"
        ),
        PENDING,
    ),
    "authorize": (
        c.RecordAuthorization(aggregate_id="o-1", attempt=1, reference="pi_1"),
        AUTHORIZED,
    ),
    "decline": (
        c.RecordDecline(aggregate_id="o-1", attempt=1, reference="pi_1", code="insufficient_funds"),
        DECLINED,
    ),
    "refuse": (
        c.RecordRefusal(aggregate_id="o-1", attempt=1, code="amount_too_small"),
        REFUSED,
    ),
    "capture": (c.RecordCapture(aggregate_id="o-1", amount=TOTAL), CAPTURED),
    "refund": (c.RecordRefund(aggregate_id="o-1", purpose="refund", given=TOTAL), REFUNDED),
    "void": (c.RecordVoid(aggregate_id="o-1", attempt=1), VOIDED),
    "settle": (
        c.RecordSettlement(aggregate_id="o-1", step="give_back", is_given_back=False),
        SETTLED,
    ),
}
UNASKED_VOIDED: Final = e.PaymentVoided(order_id="o-1", attempt=0)

REFUSALS: Final = {
    "R": ErrorCode.PAYMENT_NOT_RETRYABLE,
    "S": ErrorCode.PAYMENT_SUPERSEDED,
    "W": ErrorCode.WRONG_STATE,
}

# C closes an attempt that was never requested, + is accepted, . leaves nothing to do, a letter is a
# refusal.
TABLE: Final = """
                     ask  ask_again  pend  authorize  decline  refuse  capture  refund  void  settle
none                  +       +       .        W         .       .        W       W      C      .
REQUESTED             .       +       +        +         +       +        W       W      +      +
PENDING               .       +       .        +         +       .        W       W      +      +
AUTHORIZED            .       R       .        .         .       .        +       W      +      +
DECLINED              .       +       .        +         .       .        W       W      +      +
REFUSED               .       +       .        +         .       .        W       W      +      +
CAPTURED              .       R       .        .         .       .        .       +      W      +
REFUNDED              .       R       .        .         .       .        .       .      W      .
SETTLED_BY_OPERATOR   .       R       .        S         .       .        +       W      .      .
VOIDED                .       R       .        S         .       .        W       W      .      .
"""


@pytest.mark.parametrize(("status", "word", "outcome"), cells(TABLE))
def test_every_command_in_every_status(status: str, word: str, outcome: str) -> None:
    command, event = COMMANDS[word]
    history = HISTORY[status]
    intervention = payment.given(history).when(command)

    if outcome in REFUSALS:
        intervention.then_refused(REFUSALS[outcome])
    elif outcome == "C":
        intervention.then([UNASKED_VOIDED])
    elif outcome == "+":
        intervention.then([event])
        payment.given([*history, event]).when(command).then([])
    else:
        intervention.then([])


@pytest.mark.parametrize("status", HISTORY)
def test_the_histories_of_the_table_lead_to_its_statuses(status: str) -> None:
    state = PAYMENT.fold(HISTORY[status])
    assert state.status == (None if status == "none" else PaymentStatus(status))


def test_the_table_leaves_no_status_out() -> None:
    assert set(HISTORY) == {"none", *PaymentStatus}


@pytest.mark.parametrize("word", ["pend", "decline"])
@pytest.mark.parametrize("last", [DECLINED, PENDING])
def test_a_late_answer_to_a_superseded_attempt_changes_nothing(last: Event, word: str) -> None:
    payment.given([ASKED, last, ASKED_AGAIN]).when(COMMANDS[word][0]).then([])


@pytest.mark.parametrize("last", [DECLINED, PENDING])
def test_money_held_by_a_superseded_attempt_confirms_no_order(
    last: Event,
) -> None:
    refusal = (
        payment.given([ASKED, last, ASKED_AGAIN])
        .when(COMMANDS["authorize"][0])
        .then_refused(ErrorCode.PAYMENT_SUPERSEDED)
    )
    assert refusal.message == "attempt 1 to pay order o-1 no longer counts"


def test_money_held_by_an_unrequested_attempt_is_refused() -> None:
    notification = c.RecordAuthorization(aggregate_id="o-1", attempt=2, reference="pi_2")
    payment.given([ASKED]).when(notification).then_refused(ErrorCode.WRONG_STATE)


def test_a_changed_customer_url_is_recorded_again() -> None:
    def pend(action_url: str | None) -> c.RecordPending:
        return c.RecordPending(
            aggregate_id="o-1", attempt=1, reference="pi_1", action_url=action_url
        )

    elsewhere = PENDING.model_copy(update={"action_url": "https://pay.test/2"})
    payment.given([ASKED, PENDING]).when(pend("https://pay.test/2")).then([elsewhere])
    payment.given([ASKED, PENDING, elsewhere]).when(pend("https://pay.test/2")).then([])
    payment.given([ASKED, PENDING]).when(pend(None)).then([])


def test_the_second_attempt_is_authorized_and_captured_by_its_own_reference() -> None:
    history = [ASKED, DECLINED, ASKED_AGAIN]
    authorized = e.PaymentAuthorized(order_id="o-1", attempt=2, reference="pi_2", amount=TOTAL)

    payment.given(history).when(
        c.RecordAuthorization(aggregate_id="o-1", attempt=2, reference="pi_2")
    ).then([authorized])
    payment.given([*history, authorized]).when(COMMANDS["capture"][0]).then(
        [e.PaymentCaptured(order_id="o-1", reference="pi_2", amount=TOTAL)]
    )


def test_a_void_needs_the_last_attempt_to_be_freed() -> None:
    history = payment.given([ASKED, DECLINED, ASKED_AGAIN])

    history.when(c.RecordVoid(aggregate_id="o-1", attempt=2)).then(
        [e.PaymentVoided(order_id="o-1", attempt=2)]
    )
    history.when(c.RecordVoid(aggregate_id="o-1", attempt=1)).then_refused(
        ErrorCode.PAYMENT_SUPERSEDED
    )


def refunded(amount: int, in_all: int) -> e.PaymentRefunded:
    return e.PaymentRefunded(
        order_id="o-1",
        reference="pi_1",
        amount=Money(amount=amount, currency="EUR"),
        refunded_in_all=Money(amount=in_all, currency="EUR"),
        purpose="refund",
    )


def refund_in_all(amount: int) -> c.RecordRefund:
    return c.RecordRefund(
        aggregate_id="o-1", purpose="refund", given=Money(amount=amount, currency="EUR")
    )


def test_refunds_add_up_until_all_is_given_back() -> None:
    taken = [ASKED, AUTHORIZED, CAPTURED]

    payment.given(taken).when(refund_in_all(1_000)).then([refunded(1_000, 1_000)])
    part = PAYMENT.fold([*taken, refunded(1_000, 1_000)])
    assert (part.status, part.refunded) == (PaymentStatus.CAPTURED, 1_000)

    payment.given([*taken, refunded(1_000, 1_000)]).when(refund_in_all(3_000)).then(
        [refunded(2_000, 3_000)]
    )
    whole = PAYMENT.fold([*taken, refunded(1_000, 1_000), refunded(2_000, 3_000)])
    assert (whole.status, whole.refunded) == (PaymentStatus.REFUNDED, 3_000)


def test_a_repeated_refund_is_not_counted_again() -> None:
    payment.given([ASKED, AUTHORIZED, CAPTURED, refunded(1_000, 1_000)]).when(
        refund_in_all(1_000)
    ).then([])


def test_no_more_is_refunded_than_was_captured() -> None:
    refusal = (
        payment.given([ASKED, AUTHORIZED, CAPTURED])
        .when(refund_in_all(3_001))
        .then_refused(ErrorCode.WRONG_STATE)
    )
    assert refusal.message == (
        "3001 refunded is more than the 3000 that were captured for order o-1: "
        "compare with the provider's records"
    )


def test_an_authorization_is_of_the_amount_that_was_asked_for() -> None:
    amount = Money(amount=5, currency="SEK")
    asked = ASKED.model_copy(update={"amount": amount})
    payment.given([asked]).when(COMMANDS["authorize"][0]).then(
        [AUTHORIZED.model_copy(update={"amount": amount})]
    )


def test_a_captured_payment_is_not_voided_but_refunded() -> None:
    refusal = (
        payment.given([ASKED, AUTHORIZED, CAPTURED])
        .when(COMMANDS["void"][0])
        .then_refused(ErrorCode.WRONG_STATE)
    )
    assert refusal.message == "the payment of order o-1 is captured: refund it instead"


@pytest.mark.parametrize("settled", [AUTHORIZED, DECLINED, VOIDED])
def test_a_settled_payment_needs_no_action_of_its_customer(settled: Event) -> None:
    assert PAYMENT.fold([ASKED, PENDING]).action_url == "https://pay.test/1"
    assert PAYMENT.fold([ASKED, PENDING, settled]).action_url is None


def test_a_new_attempt_knows_nothing_of_the_outcome_before_it() -> None:
    assert PAYMENT.fold([ASKED, PENDING, DECLINED, ASKED_AGAIN]) == PaymentState(
        status=PaymentStatus.REQUESTED,
        attempt=2,
        amount=TOTAL,
        method="pm_card_mastercard",
        references={1: "pi_1"},
    )


def test_the_reference_of_each_attempt_is_kept() -> None:
    pending = e.PaymentPending(order_id="o-1", attempt=2, reference="pi_2", action_url=None)
    assert PAYMENT.fold([ASKED, DECLINED, ASKED_AGAIN, pending]).references == {
        1: "pi_1",
        2: "pi_2",
    }


def test_each_attempt_that_was_refused_at_its_creation_is_kept() -> None:
    refused_again = REFUSED.model_copy(update={"attempt": 2, "code": "api_key_expired"})
    state = PAYMENT.fold([ASKED, REFUSED, ASKED_AGAIN, refused_again])

    assert (sorted(state.refused), dict(state.references)) == ([1, 2], {})
    assert state.decline_code == "api_key_expired"


def test_captured_money_is_counted() -> None:
    assert PAYMENT.fold([ASKED, AUTHORIZED]).captured == 0
    assert PAYMENT.fold([ASKED, AUTHORIZED, CAPTURED]).captured == 3_000


def test_a_payment_voided_before_its_request_can_never_begin() -> None:
    payment.given([UNASKED_VOIDED]).when(COMMANDS["ask"][0]).then_refused(
        ErrorCode.PAYMENT_NOT_RETRYABLE
    )


def test_a_payment_has_a_maximum_number_of_attempts() -> None:
    def attempt(number: int) -> e.PaymentRequested:
        return ASKED.model_copy(update={"attempt": number})

    def ask(number: int) -> c.RequestPayment:
        return c.RequestPayment(
            aggregate_id="o-1", attempt=number, amount=TOTAL, method="pm_card_visa"
        )

    nine = [attempt(number) for number in range(1, 10)]

    payment.given(nine).when(ask(10)).then([attempt(10)])
    payment.given([*nine, attempt(10)]).when(ask(10)).then([])
    full = payment.given([*nine, attempt(10)]).when(ask(11))
    refusal = full.then_refused(ErrorCode.PAYMENT_NOT_RETRYABLE)
    assert refusal.message == ("order o-1 has had 10 attempts to pay: cancel it, and place another")


END_HOLD: Final = c.RecordHoldEnd(aggregate_id="o-1", attempt=1, cause=HoldEnd.RELEASED)
HOLD_ENDED: Final = e.PaymentHoldEnded(
    order_id="o-1", attempt=1, reference="pi_1", cause=HoldEnd.RELEASED
)


def test_a_hold_ends_once_and_another_method_may_follow() -> None:
    payment.given([ASKED, AUTHORIZED]).when(END_HOLD).then([HOLD_ENDED])
    payment.given([ASKED, AUTHORIZED, HOLD_ENDED]).when(END_HOLD).then([])
    payment.given([ASKED, AUTHORIZED, HOLD_ENDED]).when(COMMANDS["ask_again"][0]).then(
        [ASKED_AGAIN]
    )


@pytest.mark.parametrize("status", ["none", "REQUESTED", "DECLINED", "CAPTURED", "VOIDED"])
def test_only_a_hold_can_end(status: str) -> None:
    payment.given(HISTORY[status]).when(END_HOLD).then([])


def test_the_end_of_an_earlier_hold_does_not_end_a_later_one() -> None:
    again = e.PaymentAuthorized(order_id="o-1", attempt=2, reference="pi_2", amount=TOTAL)
    history = [ASKED, AUTHORIZED, HOLD_ENDED, ASKED_AGAIN, again]
    payment.given(history).when(END_HOLD).then([])
    assert PAYMENT.fold(history).has_hold_ended is False


def test_a_late_authorization_does_not_bring_an_ended_hold_back() -> None:
    payment.given([ASKED, AUTHORIZED, HOLD_ENDED]).when(COMMANDS["authorize"][0]).then_refused(
        ErrorCode.PAYMENT_SUPERSEDED
    )


def test_an_ended_hold_shows_as_a_decline_with_its_own_code() -> None:
    state = PAYMENT.fold([ASKED, AUTHORIZED, HOLD_ENDED])
    assert (state.status, state.decline_code) == (PaymentStatus.DECLINED, "hold_released")


def test_nothing_is_captured_after_the_hold_has_ended() -> None:
    capture = c.RecordCapture(aggregate_id="o-1", amount=TOTAL)
    payment.given([ASKED, AUTHORIZED, HOLD_ENDED]).when(capture).then_refused(ErrorCode.WRONG_STATE)
