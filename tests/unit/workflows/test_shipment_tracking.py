"""Shipment tracking, which the order and its returns share, with a carrier that answers by script.

No clock runs: a wait either ends at once or runs to its deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest
from temporalio.exceptions import ApplicationError, FailureError

from activities.types.shipping import TrackedStatus
from domain.saga.plan import AWAIT_DELIVERY, AWAIT_DISPATCH, PlanStep
from workflows.saga import SagaRunner
from workflows.shipment_tracking import ShipmentTracking

CLOSES_AT = datetime(2026, 1, 1, tzinfo=UTC)
DISPATCHED, DELIVERED, LOST = (
    TrackedStatus.DISPATCHED,
    TrackedStatus.DELIVERED,
    TrackedStatus.LOST,
)
WAITING = TrackedStatus.WAITING
NO_ANSWER = ApplicationError("the carrier does not answer")


@dataclass
class Waits:
    """Stands for the saga: count the waits that run to their deadline."""

    to_the_deadline: int = 0

    async def wait_until(self, closes_at: datetime, happened: Callable[[], bool]) -> bool:
        assert closes_at == CLOSES_AT
        self.to_the_deadline += not happened()
        return happened()


@dataclass
class Carrier:
    """Give each answer once. A call without an answer is one too many, and fails."""

    answers: list[TrackedStatus | FailureError]
    asked: list[PlanStep] = field(default_factory=list)
    during_the_next_call: Callable[[], None] = lambda: None

    async def ask(self, step: PlanStep) -> TrackedStatus:
        self.asked.append(step)
        self.during_the_next_call()
        self.during_the_next_call = lambda: None
        answer = self.answers.pop(0)
        if isinstance(answer, FailureError):
            raise answer
        return answer


def tracked(
    *answers: TrackedStatus | FailureError, may_have_missed: bool = False
) -> tuple[ShipmentTracking, Waits, Carrier]:
    waits, carrier = Waits(), Carrier(list(answers))
    saga = cast("SagaRunner", waits)
    return ShipmentTracking(saga, carrier.ask, may_have_missed=may_have_missed), waits, carrier


async def test_a_confirmed_delivery_is_trusted_without_a_call() -> None:
    tracking, waits, carrier = tracked()
    tracking.notify(DELIVERED, is_confirmed=True)

    status = await tracking.wait_for(AWAIT_DELIVERY, CLOSES_AT, DELIVERED, LOST)

    assert (status, waits.to_the_deadline, carrier.asked) == (DELIVERED, 0, [])


async def test_a_loss_counts_only_when_the_carrier_confirms_it() -> None:
    tracking, waits, carrier = tracked(LOST)
    tracking.notify(LOST, is_confirmed=True)

    status = await tracking.wait_for(AWAIT_DELIVERY, CLOSES_AT, DELIVERED, LOST)

    assert (status, waits.to_the_deadline, carrier.asked) == (LOST, 0, [AWAIT_DELIVERY])


async def test_a_loss_that_the_carrier_denies_is_asked_about_once() -> None:
    tracking, waits, carrier = tracked(DISPATCHED, DISPATCHED)
    tracking.notify(LOST, is_confirmed=True)

    status = await tracking.wait_for(AWAIT_DELIVERY, CLOSES_AT, DELIVERED, LOST)

    assert status is DISPATCHED
    assert waits.to_the_deadline == 1
    assert len(carrier.asked) == 2


async def test_an_unconfirmed_notification_makes_the_saga_ask_the_carrier() -> None:
    tracking, waits, carrier = tracked(WAITING, WAITING)
    tracking.notify(DISPATCHED, is_confirmed=False)

    status = await tracking.wait_for(AWAIT_DISPATCH, CLOSES_AT, DISPATCHED)

    assert status is WAITING
    assert waits.to_the_deadline == 1
    assert len(carrier.asked) == 2


async def test_a_recovered_saga_asks_the_carrier_once_before_it_waits() -> None:
    tracking, waits, carrier = tracked(WAITING, WAITING, may_have_missed=True)

    status = await tracking.wait_for(AWAIT_DISPATCH, CLOSES_AT, DISPATCHED)

    assert status is WAITING
    assert waits.to_the_deadline == 1
    assert len(carrier.asked) == 2


async def test_a_call_that_failed_is_repeated_without_a_wait() -> None:
    tracking, waits, carrier = tracked(NO_ANSWER, DISPATCHED, may_have_missed=True)
    with pytest.raises(ApplicationError):
        await tracking.wait_for(AWAIT_DISPATCH, CLOSES_AT, DISPATCHED)

    status = await tracking.wait_for(AWAIT_DISPATCH, CLOSES_AT, DISPATCHED)

    assert (status, waits.to_the_deadline, len(carrier.asked)) == (DISPATCHED, 0, 2)


async def test_a_status_seen_by_one_wait_is_known_to_the_next() -> None:
    tracking, waits, carrier = tracked(DELIVERED, may_have_missed=True)
    await tracking.wait_for(AWAIT_DISPATCH, CLOSES_AT, DISPATCHED, DELIVERED)

    status = await tracking.wait_for(AWAIT_DELIVERY, CLOSES_AT, DELIVERED, LOST)

    assert (status, waits.to_the_deadline, carrier.asked) == (DELIVERED, 0, [AWAIT_DISPATCH])


async def test_a_notification_during_a_call_makes_the_saga_ask_again() -> None:
    tracking, waits, carrier = tracked(WAITING, DISPATCHED, may_have_missed=True)
    carrier.during_the_next_call = lambda: tracking.notify(DISPATCHED, is_confirmed=False)

    status = await tracking.wait_for(AWAIT_DISPATCH, CLOSES_AT, DISPATCHED)

    assert (status, waits.to_the_deadline, len(carrier.asked)) == (DISPATCHED, 0, 2)
