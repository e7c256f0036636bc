from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.errors import ErrorCode
from domain.saga import commands as c
from domain.saga import events as e
from domain.saga.commands import Book, Decision, TakeUpCause
from domain.saga.decide import SAGA
from domain.saga.plan import CLOSING
from tests.unit.domain.specification import Specification

saga = Specification(SAGA)

DECIDED = {
    Decision.RETRY: e.SagaRetried,
    Decision.SKIP: e.SagaStepSkipped,
    Decision.RESOLVE: e.SagaStepResolved,
    Decision.COMPENSATE: e.SagaCompensationRequested,
}


def park(step: str = "capture", *, undoing: bool = False) -> c.ParkStep:
    return c.ParkStep(
        aggregate_id="o1",
        step=step,
        undoing=undoing,
        code="PROVIDER_REFUSED",
        message="refused with card_lost",
        workflow_id="order-o1",
    )


def parked(step: str = "capture", *, parking: int = 1, undoing: bool = False) -> e.SagaParked:
    return e.SagaParked(
        order_id="o1",
        step=step,
        undoing=undoing,
        parking=parking,
        code="PROVIDER_REFUSED",
        message="refused with card_lost",
        workflow_id="order-o1",
    )


def decide(decision: Decision, step: str = "capture", *, parking: int = 1) -> c.DecideOnStep:
    return c.DecideOnStep(
        aggregate_id="o1", step=step, parking=parking, decision=decision, reason="it is mended"
    )


def decided(decision: Decision, step: str = "capture", *, parking: int = 1) -> e.SagaStepDecided:
    return DECIDED[decision](order_id="o1", step=step, parking=parking, reason="it is mended")


def test_a_step_that_fails_for_good_is_parked() -> None:
    saga.given([]).when(park()).then([parked()])


def test_a_parked_step_is_not_parked_again() -> None:
    saga.given([parked()]).when(park()).then([])


def test_parkings_are_counted_over_all_steps() -> None:
    given = saga.given([parked("release", undoing=True)])

    given.when(park("give_back", undoing=True)).then([parked("give_back", parking=2, undoing=True)])


def test_a_step_that_failed_again_after_its_retry_is_another_parking() -> None:
    given = saga.given([parked(), decided(Decision.RETRY)])

    given.when(park()).then([parked(parking=2)])


@pytest.mark.parametrize("decision", Decision)
def test_what_is_decided_is_recorded_with_its_reason(decision: Decision) -> None:
    saga.given([parked()]).when(decide(decision)).then([decided(decision)])


@pytest.mark.parametrize("decision", Decision)
def test_a_decision_made_twice_is_made_once(decision: Decision) -> None:
    saga.given([parked(), decided(decision)]).when(decide(decision)).then([])


def test_a_second_decision_cannot_change_the_first() -> None:
    given = saga.given([parked(), decided(Decision.SKIP)])

    given.when(decide(Decision.RETRY)).then_refused(ErrorCode.SAGA_NOT_PARKED)


@pytest.mark.parametrize("step", ["capture", "release"])
def test_nothing_is_decided_on_a_step_that_is_not_parked(step: str) -> None:
    saga.given([]).when(decide(Decision.RETRY, step)).then_refused(ErrorCode.SAGA_NOT_PARKED)


def test_a_decision_on_an_earlier_parking_does_not_touch_the_later_one() -> None:
    given = saga.given([parked(), decided(Decision.RETRY), parked(parking=2)])

    given.when(decide(Decision.SKIP)).then_refused(ErrorCode.SAGA_NOT_PARKED)


@pytest.mark.parametrize("decision", [Decision.SKIP, Decision.RESOLVE])
@pytest.mark.parametrize("closing", [undo.name for undo in CLOSING])
def test_what_the_way_back_ends_with_cannot_be_left_out(decision: Decision, closing: str) -> None:
    given = saga.given([parked(closing, undoing=True)])

    given.when(decide(decision, closing)).then_refused(ErrorCode.WRONG_STATE)
    given.when(decide(Decision.RETRY, closing)).then([decided(Decision.RETRY, closing)])


def test_an_undo_cannot_be_turned_round_once_more() -> None:
    given = saga.given([parked("release", undoing=True)])

    refused = given.when(decide(Decision.COMPENSATE, "release")).then_refused(
        ErrorCode.SAGA_ALREADY_TURNED
    )

    assert refused.message.endswith("retry, skip or resolve release")


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
def test_a_reason_is_one_line_of_text(reason: str) -> None:
    with pytest.raises(ValidationError):
        c.DecideOnStep(
            aggregate_id="o1", step="capture", parking=1, decision=Decision.SKIP, reason=reason
        )


@pytest.mark.parametrize(
    ("decision", "is_settled"),
    [
        (Decision.RETRY, False),
        (Decision.SKIP, True),
        (Decision.RESOLVE, True),
        (Decision.COMPENSATE, False),
    ],
)
def test_what_is_skipped_or_resolved_is_not_run_again(decision: Decision, is_settled: bool) -> None:
    state = SAGA.fold([parked(), decided(decision)])

    assert ("capture" in state.settled) is is_settled
    assert not state.needs_attention


def test_a_saga_needs_attention_until_all_its_parked_steps_are_decided_on() -> None:
    both = [parked("release", undoing=True), parked("give_back", parking=2, undoing=True)]
    one = [*both, decided(Decision.RETRY, "release")]

    assert SAGA.fold(both).needs_attention
    assert SAGA.fold(one).needs_attention
    assert set(SAGA.fold(one).parked) == {"give_back"}
    assert not SAGA.fold([*one, decided(Decision.SKIP, "give_back", parking=2)]).needs_attention


def test_each_time_that_a_saga_is_taken_up_is_told() -> None:
    taken_up = e.SagaTakenUp(order_id="o1", cause=TakeUpCause.MISSING)
    command = c.TakeUpSaga(aggregate_id="o1", cause=TakeUpCause.MISSING)

    saga.given([taken_up]).when(command).then([taken_up])
    assert SAGA.fold([taken_up, taken_up]).taken_up == 2


def found(theirs: str = "CAPTURED") -> e.DifferenceFound:
    return e.DifferenceFound(order_id="o1", book=Book.PAYMENT, ours="AUTHORIZED", theirs=theirs)


def compare(theirs: str = "CAPTURED") -> c.RecordDifference:
    return c.RecordDifference(
        aggregate_id="o1", book=Book.PAYMENT, ours="AUTHORIZED", theirs=theirs
    )


def test_a_difference_is_told_once_for_as_long_as_it_lasts() -> None:
    saga.given([]).when(compare()).then([found()])
    saga.given([found()]).when(compare()).then([])
    saga.given([found()]).when(compare("VOIDED")).then([found("VOIDED")])


def test_a_difference_that_is_gone_is_settled_and_may_come_back() -> None:
    settle = c.SettleDifference(aggregate_id="o1", book=Book.PAYMENT)
    settled = e.DifferenceSettled(order_id="o1", book=Book.PAYMENT)

    saga.given([found()]).when(settle).then([settled])
    saga.given([]).when(settle).then([])
    saga.given([found(), settled]).when(compare()).then([found()])
    assert SAGA.fold([found()]).needs_attention
    assert not SAGA.fold([found(), settled]).needs_attention


def test_each_decision_on_a_step_is_counted() -> None:
    state = SAGA.fold(
        [
            parked("refund"),
            decided(Decision.RETRY, "refund"),
            parked("refund", parking=2),
            decided(Decision.RETRY, "refund", parking=2),
            parked("capture", parking=3),
        ]
    )

    assert state.decisions == {"refund": 2}
