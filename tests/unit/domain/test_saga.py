from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.errors import ErrorCode
from domain.saga import commands as c
from domain.saga import events as e
from domain.saga.commands import Intervention, ReconciledSystem, RecoveryCause
from domain.saga.decide import SAGA
from tests.unit.domain.specification import Specification

saga = Specification(SAGA)

DECIDED = {
    Intervention.RETRY: e.SagaRetried,
    Intervention.SKIP: e.SagaStepSkipped,
    Intervention.RESOLVE: e.SagaStepResolved,
    Intervention.COMPENSATE: e.SagaCompensationRequested,
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


def unpark() -> c.UnparkStep:
    return c.UnparkStep(aggregate_id="o1", step="capture", parking=1)


def unparked() -> e.SagaUnparked:
    return e.SagaUnparked(order_id="o1", step="capture", parking=1)


def decide(
    intervention: Intervention, step: str = "capture", *, parking: int = 1
) -> c.InterveneOnStep:
    return c.InterveneOnStep(
        aggregate_id="o1", step=step, parking=parking, kind=intervention, reason="it is mended"
    )


def intervened(
    intervention: Intervention, step: str = "capture", *, parking: int = 1
) -> e.SagaStepIntervened:
    return DECIDED[intervention](order_id="o1", step=step, parking=parking, reason="it is mended")


def test_a_step_that_fails_for_good_is_parked() -> None:
    saga.given([]).when(park()).then([parked()])


def test_a_parked_step_is_not_parked_again() -> None:
    saga.given([parked()]).when(park()).then([])


def test_parkings_are_counted_over_all_steps() -> None:
    given = saga.given([parked("release", undoing=True)])

    given.when(park("give_back", undoing=True)).then([parked("give_back", parking=2, undoing=True)])


def test_a_step_that_failed_again_after_its_retry_is_another_parking() -> None:
    given = saga.given([parked(), intervened(Intervention.RETRY)])

    given.when(park()).then([parked(parking=2)])


def test_a_step_that_succeeds_is_not_parked_any_more() -> None:
    given = saga.given([parked(), parked("release", parking=2, undoing=True)])

    given.when(unpark()).then([unparked()])


def test_a_step_that_was_unparked_and_fails_is_another_parking() -> None:
    saga.given([parked(), unparked()]).when(park()).then([parked(parking=2)])


@pytest.mark.parametrize("intervention", Intervention)
def test_a_parking_that_an_intervention_has_ended_is_not_ended_again(
    intervention: Intervention,
) -> None:
    saga.given([parked(), intervened(intervention)]).when(unpark()).then([])


def test_the_end_of_an_earlier_parking_leaves_the_later_one() -> None:
    given = saga.given([parked(), intervened(Intervention.RETRY), parked(parking=2)])

    given.when(unpark()).then([])


def test_a_step_that_is_not_parked_any_more_takes_no_intervention() -> None:
    given = saga.given([parked(), unparked()])

    given.when(decide(Intervention.SKIP)).then_refused(ErrorCode.SAGA_NOT_PARKED)


@pytest.mark.parametrize("intervention", Intervention)
def test_an_intervention_is_recorded_with_its_reason(intervention: Intervention) -> None:
    saga.given([parked()]).when(decide(intervention)).then([intervened(intervention)])


@pytest.mark.parametrize("intervention", Intervention)
def test_an_intervention_made_twice_is_recorded_once(intervention: Intervention) -> None:
    saga.given([parked(), intervened(intervention)]).when(decide(intervention)).then([])


def test_a_second_intervention_cannot_change_the_first() -> None:
    given = saga.given([parked(), intervened(Intervention.SKIP)])

    given.when(decide(Intervention.RETRY)).then_refused(ErrorCode.SAGA_NOT_PARKED)


@pytest.mark.parametrize("step", ["capture", "release"])
def test_an_intervention_needs_a_parked_step(step: str) -> None:
    saga.given([]).when(decide(Intervention.RETRY, step)).then_refused(ErrorCode.SAGA_NOT_PARKED)


def test_an_intervention_on_an_earlier_parking_leaves_the_later_one() -> None:
    given = saga.given([parked(), intervened(Intervention.RETRY), parked(parking=2)])

    given.when(decide(Intervention.SKIP)).then_refused(ErrorCode.SAGA_NOT_PARKED)


@pytest.mark.parametrize("intervention", [Intervention.SKIP, Intervention.RESOLVE])
@pytest.mark.parametrize(
    "step",
    [
        *("reserve", "deliver", "complete", "release", "cancel", "withdraw_cancellation"),
        *("lapse_return", "finish_return"),
    ],
)
def test_a_step_of_the_log_alone_cannot_be_passed_over(
    intervention: Intervention, step: str
) -> None:
    given = saga.given([parked(step)])

    refused = given.when(decide(intervention, step)).then_refused(ErrorCode.WRONG_STATE)
    given.when(decide(Intervention.RETRY, step)).then([intervened(Intervention.RETRY, step)])

    assert refused.message.endswith("retry it")


@pytest.mark.parametrize(
    ("step", "advice"),
    [("give_back", "retry, skip or resolve give_back"), ("release", ": retry release")],
)
def test_a_compensation_cannot_be_compensated(step: str, advice: str) -> None:
    given = saga.given([parked(step, undoing=True)])

    refused = given.when(decide(Intervention.COMPENSATE, step)).then_refused(
        ErrorCode.SAGA_ALREADY_COMPENSATING
    )

    assert refused.message.endswith(advice)


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
def test_a_reason_is_one_line_of_text(reason: str) -> None:
    with pytest.raises(ValidationError):
        c.InterveneOnStep(
            aggregate_id="o1", step="capture", parking=1, kind=Intervention.SKIP, reason=reason
        )


@pytest.mark.parametrize(
    ("intervention", "is_settled"),
    [
        (Intervention.RETRY, False),
        (Intervention.SKIP, True),
        (Intervention.RESOLVE, True),
        (Intervention.COMPENSATE, False),
    ],
)
def test_a_skipped_or_resolved_step_does_not_run_again(
    intervention: Intervention, is_settled: bool
) -> None:
    state = SAGA.fold([parked(), intervened(intervention)])

    assert ("capture" in state.settled) is is_settled
    assert not state.needs_attention


def test_a_saga_needs_attention_while_a_step_is_parked() -> None:
    both = [parked("release", undoing=True), parked("give_back", parking=2, undoing=True)]
    one = [*both, intervened(Intervention.RETRY, "release")]

    assert SAGA.fold(both).needs_attention
    assert SAGA.fold(one).needs_attention
    assert set(SAGA.fold(one).parked) == {"give_back"}
    assert not SAGA.fold(
        [*one, intervened(Intervention.SKIP, "give_back", parking=2)]
    ).needs_attention


def test_each_recovery_of_a_saga_is_recorded() -> None:
    recoveries = e.SagaRecovered(order_id="o1", cause=RecoveryCause.MISSING)
    command = c.RecoverSaga(aggregate_id="o1", cause=RecoveryCause.MISSING)

    saga.given([recoveries]).when(command).then([recoveries])
    assert SAGA.fold([recoveries, recoveries]).recoveries == 2


def found(theirs: str = "CAPTURED") -> e.DiscrepancyFound:
    return e.DiscrepancyFound(
        order_id="o1", system=ReconciledSystem.PAYMENT, ours="AUTHORIZED", theirs=theirs
    )


def compare(theirs: str = "CAPTURED") -> c.RecordDiscrepancy:
    return c.RecordDiscrepancy(
        aggregate_id="o1", system=ReconciledSystem.PAYMENT, ours="AUTHORIZED", theirs=theirs
    )


def test_a_discrepancy_is_recorded_once_while_it_lasts() -> None:
    saga.given([]).when(compare()).then([found()])
    saga.given([found()]).when(compare()).then([])
    saga.given([found()]).when(compare("VOIDED")).then([found("VOIDED")])


def test_a_discrepancy_that_is_gone_is_resolved_and_may_recur() -> None:
    settle = c.ResolveDiscrepancy(aggregate_id="o1", system=ReconciledSystem.PAYMENT)
    settled = e.DiscrepancyResolved(order_id="o1", system=ReconciledSystem.PAYMENT)

    saga.given([found()]).when(settle).then([settled])
    saga.given([]).when(settle).then([])
    saga.given([found(), settled]).when(compare()).then([found()])
    assert SAGA.fold([found()]).needs_attention
    assert not SAGA.fold([found(), settled]).needs_attention


def accept(theirs: str = "CAPTURED") -> c.AcceptDiscrepancy:
    return c.AcceptDiscrepancy(
        aggregate_id="o1",
        system=ReconciledSystem.PAYMENT,
        ours="AUTHORIZED",
        theirs=theirs,
        reason="the shop bears it",
    )


ACCEPTED = e.DiscrepancyAccepted(
    order_id="o1", system=ReconciledSystem.PAYMENT, reason="the shop bears it"
)


def test_an_accepted_discrepancy_needs_no_attention_until_it_changes() -> None:
    saga.given([found()]).when(accept()).then([ACCEPTED])
    saga.given([found(), ACCEPTED]).when(accept()).then([])
    saga.given([found(), ACCEPTED]).when(compare()).then([])
    assert not SAGA.fold([found(), ACCEPTED]).needs_attention
    assert SAGA.fold([found(), ACCEPTED, found("VOIDED")]).needs_attention


def test_a_discrepancy_is_accepted_as_it_was_read() -> None:
    for history in ([], [found("VOIDED")]):
        refusal = saga.given(history).when(accept()).then_refused(ErrorCode.NO_DISCREPANCY)
        assert refusal.field == ("input", "system")


def test_a_discrepancy_is_another_one_when_the_log_changes() -> None:
    other = compare().model_copy(update={"ours": "CAPTURED"})

    saga.given([found(), ACCEPTED]).when(other).then(
        [found().model_copy(update={"ours": "CAPTURED"})]
    )


def test_each_intervention_on_a_step_is_counted() -> None:
    state = SAGA.fold(
        [
            parked("refund"),
            intervened(Intervention.RETRY, "refund"),
            parked("refund", parking=2),
            intervened(Intervention.RETRY, "refund", parking=2),
            parked("capture", parking=3),
        ]
    )

    assert state.intervention_counts == {"refund": 2}
