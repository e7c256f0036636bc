"""Run orders whose payment provider keeps an error, or refuses to create a payment.

`FULL=1` runs each of them on every path of an order; without it, a path that pays and one that
undoes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentStatus
from domain.saga.decide import SAGA
from tests.matrix import scenarios as way
from tests.matrix.actors import People
from tests.matrix.cases import Case, Fault
from tests.matrix.conftest import Results
from tests.matrix.points import points
from tests.matrix.script import Script
from tests.matrix.world import World

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

KEPT: Final = ("500", "500_after")
REFUSALS: Final = ("refuse", "refuse_kept", "401")
QUICK: Final = (way.STRAIGHT, way.CANCELLED)
ALL: Final = (*QUICK, way.PAID_AGAIN, way.SECURE, way.RETURNED, way.LOST, way.PENDING_CANCELLED)
IS_FULL: Final = os.environ.get("FULL") == "1"


@dataclass(frozen=True)
class AnswerCase(Case):
    """A case whose provider answers in a way that `Fault` does not name."""

    how: str = ""
    lasts: bool = False

    @property
    def name(self) -> str:
        return f"{self.point.name}: answered with {self.how}"

    @property
    def script(self) -> Script:
        return replace(super().script, fault=self.how, lasts=self.lasts)


def kept_errors() -> Iterator[AnswerCase]:
    """Yield harmless cases: the order ends as if the error had not occurred."""
    for point in points():
        call = point.call
        if point.provider != "payments" or call is None or call.after is not None:
            continue
        if call.operation not in {"create", "confirm"}:
            continue
        paths = ALL if IS_FULL else QUICK
        scenarios = paths if point.activity == "authorize" else (point.scenario,)
        for scenario in scenarios:
            for how in KEPT:
                at = replace(point, scenario=scenario)
                yield AnswerCase(at, Fault.TIMEOUT_BEFORE, how=how)


def refused_creations() -> Iterator[AnswerCase]:
    """Yield cases in which the provider creates no payment for the order."""
    [point] = [
        point
        for point in points()
        if point.activity == "authorize" and point.call and point.call.operation == "create"
    ]
    for how in REFUSALS if IS_FULL else REFUSALS[::2]:
        fault = Fault.DOWN if how == "401" else Fault.REFUSED
        yield AnswerCase(point, fault, how=how, lasts=True)


@pytest.mark.parametrize("case", [pytest.param(each, id=each.name) for each in kept_errors()])
async def test_a_kept_error_changes_neither_the_end_nor_the_money(
    case: AnswerCase, results: Results
) -> None:
    if wrong := await results[case.name]:
        pytest.fail(wrong, pytrace=False)


@pytest.mark.parametrize("case", [pytest.param(each, id=each.name) for each in refused_creations()])
async def test_an_order_whose_payment_is_never_created_ends_and_parks_nothing(
    case: AnswerCase, results: Results, world: World
) -> None:
    if wrong := await results[case.name]:
        pytest.fail(wrong, pytrace=False)
    order_id = People(world, case).id
    payment = await world.state(PAYMENT, order_id)
    assert (payment.status, sorted(payment.refused)) == (PaymentStatus.VOIDED, [1])
    assert (await world.state(SAGA, order_id)).parkings == 0
    assert await world.payments.effects(order_id) == {}
