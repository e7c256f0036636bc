from __future__ import annotations

from typing import Final

import pytest

from domain.saga import events as e
from domain.saga.commands import ReconciledSystem, RecoveryCause
from projections.sagas import SAGAS
from projections.tables import parked_step, saga_discrepancy, saga_recovery
from tests.support.projections import given, recorded_at

PAYMENT: Final = ReconciledSystem.PAYMENT


def parked(step: str) -> e.SagaParked:
    return e.SagaParked(
        order_id="o-1",
        step=step,
        undoing=False,
        parking=1,
        code="REFUSED",
        message="refused",
        workflow_id="order-o-1",
    )


def found(theirs: str) -> e.DiscrepancyFound:
    return e.DiscrepancyFound(order_id="o-1", system=PAYMENT, ours="paid", theirs=theirs)


@pytest.mark.parametrize(
    "end",
    [
        e.SagaRetried(order_id="o-1", step="capture", parking=1, reason="mended"),
        e.SagaUnparked(order_id="o-1", step="capture", parking=1),
    ],
)
def test_the_end_of_a_parking_leaves_the_other_parked_step(end: e.SagaEvent) -> None:
    row = {
        "order_id": "o-1",
        "step": "release",
        "undoing": False,
        "parking": 1,
        "code": "REFUSED",
        "message": "refused",
        "workflow_id": "order-o-1",
        "parked_at": recorded_at(1),
        "position": 1,
    }
    given(SAGAS, [parked("release"), parked("capture"), end]).then({parked_step: [row]})


def test_a_discrepancy_has_the_newest_account_and_the_first_time() -> None:
    row = {"theirs": "declined", "found_at": recorded_at(1), "position": 2}
    given(SAGAS, [found("lost"), found("declined")]).then({saga_discrepancy: [row]})


def test_a_discrepancy_that_comes_back_has_its_new_time() -> None:
    resolved = e.DiscrepancyResolved(order_id="o-1", system=PAYMENT)
    given(SAGAS, [found("lost"), resolved]).then({})
    row = {"theirs": "lost", "found_at": recorded_at(3), "position": 3}
    given(SAGAS, [found("lost"), resolved, found("lost")]).then({saga_discrepancy: [row]})


def test_each_recovery_is_counted() -> None:
    recovered = e.SagaRecovered(order_id="o-1", cause=RecoveryCause.MISSING)
    row = {"order_id": "o-1", "times": 2}
    given(SAGAS, [recovered, recovered]).then({saga_recovery: [row]})
