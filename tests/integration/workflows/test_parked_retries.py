"""A parked step that the saga retries by itself stays parked, and can be settled meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.types.failures import NO_ANSWER
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from providers.errors import ProviderRefused, ProviderUnavailable
from queries.saga_history import ParkingView
from queries.sagas import SagaQueries
from tests.support.gates import Gate, When
from tests.support.sagas import Sagas, an_order

SOON, LATER = timedelta(milliseconds=50), timedelta(minutes=5)
BRIEF = timedelta(milliseconds=200)
CAPTURED = {"authorized": (1, 250), "captured": (1, 250)}
VOIDED = {"authorized": (1, 250), "voided": (1, 250)}
HELD = {"authorized": (1, 250)}
RETRY, SKIP, RESOLVE, COMPENSATE = Intervention


def unanswered() -> ApplicationError:
    """Return a failure that parks a step at once, and that a retry may settle."""
    return ApplicationError("no answer", type=NO_ANSWER, non_retryable=True)


async def placed(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def parking(ledger: SagaQueries, order_id: str, attempts: int = 1) -> ParkingView:
    """Wait until this many attempts of the only parked step have failed."""
    found: list[ParkingView] = []

    async def has_failed() -> bool:
        saga = await ledger.get(order_id)
        found[:] = saga.parked.values() if saga is not None else []
        return any(each.failed_at and each.attempts >= attempts for each in found)

    await eventually(has_failed)
    return found[0]


async def dispatch_recorded(sagas: Sagas, order_id: str) -> None:
    """Record the dispatch by an attempt to capture that the provider refuses."""
    refused = sagas.payment_simulator.failing(order_id, "capture", "refuse")
    with refused, pytest.raises(ProviderRefused):
        await sagas.stray("capture", order_id)


@asynccontextmanager
async def retried(sagas: Sagas, order_id: str, step: str, when: When) -> AsyncIterator[Gate]:
    """Park the step, and stop its first automatic retry at a gate."""
    if step == "capture":
        await dispatch_recorded(sagas, order_id)
    sagas.gates.fail(step, order_id, unanswered())
    if step == "capture":
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    else:
        await sagas.cancel(order_id)
    await sagas.parked(order_id, step)
    async with sagas.gates.stopped(step, order_id, when) as gate:
        await gate.reached()
        yield gate


# What is shown.


async def test_a_step_that_fails_again_stays_parked_since_its_first_failure(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    order_id = await placed(sagas.within(undo_timeout=BRIEF, parked_retry=SOON))
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        first = await parking(ledger, order_id)
        later = await parking(ledger, order_id, attempts=3)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await sagas.money(order_id) == CAPTURED
    assert (first.number, first.since) == (later.number, later.since)
    assert (later.code, later.number) == ("PROVIDER_UNAVAILABLE", 1)
    assert isinstance(later.failed_at, datetime)
    assert isinstance(later.retry_at, datetime)
    assert first.since <= later.failed_at < later.retry_at
    await sagas.needs_attention(f"order-{order_id}", expected=False)
    saga = await ledger.get(order_id)
    assert saga is not None
    assert (saga.needs_attention, saga.parked_since) == (False, None)


async def test_an_undo_that_fails_again_stays_parked(sagas: Sagas, ledger: SagaQueries) -> None:
    order_id = await placed(sagas.within(undo_timeout=BRIEF, parked_retry=SOON))
    with sagas.payment_simulator.failing(order_id, "cancel", "down"):
        await sagas.cancel(order_id)
        assert (await parking(ledger, order_id, attempts=3)).number == 1
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await sagas.money(order_id) == VOIDED


UNKNOWN = "the outcome is unknown: find it before trying again"


@pytest.mark.parametrize(("how", "code"), [("down", "api_unavailable"), ("401", "api_key_expired")])
async def test_a_parked_step_shows_what_the_provider_has_answered(
    sagas: Sagas, ledger: SagaQueries, how: str, code: str
) -> None:
    order_id = await placed(sagas.within(undo_timeout=BRIEF))
    with sagas.payment_simulator.failing(order_id, "capture", how):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        shown = await parking(ledger, order_id)

    assert shown.code == "PROVIDER_UNAVAILABLE"
    assert shown.message == f"payments capture: {code}; {UNKNOWN}"


async def test_a_step_that_runs_out_of_time_shows_its_last_failure(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    order_id = await placed(sagas.within(undo_timeout=timedelta(seconds=2)))
    refused_connection = ProviderUnavailable("payments", "capture", "connection")
    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as first:
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await first.reached()
        sagas.gates.fail("capture", order_id, refused_connection)
        async with sagas.gates.stopped("capture", order_id, When.BEFORE) as second:
            first.open()
            await second.reached()
            shown = await parking(ledger, order_id)

    assert (shown.code, shown.message) == ("PROVIDER_UNAVAILABLE", str(refused_connection))


async def test_a_step_without_any_answer_says_so(sagas: Sagas, ledger: SagaQueries) -> None:
    order_id = await placed(sagas.within(undo_timeout=BRIEF))
    async with sagas.gates.stopped("capture", order_id, When.BEFORE):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        shown = await parking(ledger, order_id)

    assert (shown.code, shown.message) == (NO_ANSWER, "no answer within its time")


async def test_a_refused_step_shows_no_next_retry(sagas: Sagas, ledger: SagaQueries) -> None:
    order_id = await placed(sagas)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        shown = await parking(ledger, order_id)

    assert (shown.attempts, shown.retry_at) == (1, None)


# Settled while a retry runs.


@pytest.mark.parametrize(
    ("intervention", "event", "end", "money"),
    [
        (SKIP, "SagaStepSkipped", "COMPLETED", VOIDED),
        (RESOLVE, "SagaStepResolved", "COMPLETED", HELD),
        (COMPENSATE, "SagaCompensationRequested", "CANCELLED", VOIDED),
    ],
)
async def test_a_step_is_settled_while_its_retry_runs(
    sagas: Sagas,
    intervention: Intervention,
    event: str,
    end: str,
    money: dict[str, tuple[int, int]],
) -> None:
    order_id = await placed(sagas.within(parked_retry=SOON))
    async with retried(sagas, order_id, "capture", When.BEFORE):
        await sagas.intervene(order_id, "capture", intervention)
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

        assert await sagas.end(order_id) == end

    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", event]
    assert await sagas.money(order_id) == money
    await sagas.needs_attention(f"order-{order_id}", expected=False)


async def test_a_retry_that_succeeds_although_its_step_is_skipped_is_not_lost(
    sagas: Sagas,
) -> None:
    order_id = await placed(sagas.within(parked_retry=SOON))
    async with retried(sagas, order_id, "capture", When.AFTER):
        await sagas.intervene(order_id, "capture", SKIP)
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

        assert await sagas.end(order_id) == "COMPLETED"

    assert "PaymentCaptured" in await sagas.events(f"payment-{order_id}")
    assert await sagas.money(order_id) == CAPTURED
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepSkipped"]


async def test_an_undo_that_is_settled_while_it_runs_gives_back_nothing_more(sagas: Sagas) -> None:
    order_id = await placed(sagas.within(parked_retry=SOON))
    async with retried(sagas, order_id, "give_back", When.BEFORE) as gate:
        await sagas.intervene(order_id, "give_back", RESOLVE)
        assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderCancellationRequested"
        gate.open()

        assert await sagas.end(order_id) == "CANCELLED"

    assert await sagas.money(order_id) == HELD
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]


async def test_an_undo_that_is_settled_while_it_fails_is_not_tried_again(sagas: Sagas) -> None:
    order_id = await placed(sagas.within(parked_retry=SOON))
    async with retried(sagas, order_id, "give_back", When.BEFORE) as gate:
        await sagas.intervene(order_id, "give_back", RESOLVE)
        sagas.gates.fail("give_back", order_id, unanswered())
        gate.open()

        assert await sagas.end(order_id) == "CANCELLED"

    assert await sagas.money(order_id) == HELD
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]


async def test_an_operators_retry_of_a_step_that_is_being_retried_does_not_wait(
    sagas: Sagas,
) -> None:
    order_id = await placed(sagas.within(parked_retry=SOON))
    async with retried(sagas, order_id, "capture", When.BEFORE) as gate:
        await sagas.intervene(order_id, "capture", RETRY)
        sagas.gates.fail("capture", order_id, unanswered())
        gate.open()
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

        assert await sagas.end(order_id) == "COMPLETED"

    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]
    assert await sagas.money(order_id) == CAPTURED


async def test_an_operators_retry_comes_before_the_next_automatic_one(sagas: Sagas) -> None:
    order_id = await placed(sagas.within(parked_retry=LATER))
    sagas.gates.fail("capture", order_id, unanswered())
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.intervene(order_id, "capture", RETRY)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]


# Recovered.


async def test_a_recovered_saga_keeps_the_parking_of_the_step_it_retries(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    order_id = await placed(sagas.within(undo_timeout=BRIEF, parked_retry=LATER))
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        first = await parking(ledger, order_id)
        await sagas.terminate(order_id)
        await sagas.within(undo_timeout=BRIEF, parked_retry=LATER).recover(order_id)
        again = await parking(ledger, order_id, attempts=2)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]
    await sagas.needs_attention(f"order-{order_id}", expected=True)

    await sagas.intervene(order_id, "capture", RETRY)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert (again.number, again.since) == (first.number, first.since)
    assert await sagas.money(order_id) == CAPTURED


async def test_a_recovered_step_is_settled_while_its_first_attempt_runs(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await sagas.terminate(order_id)
    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.recover(order_id)
        await gate.reached()
        await sagas.intervene(order_id, "capture", SKIP)
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

        assert await sagas.end(order_id) == "COMPLETED"

    assert await sagas.money(order_id) == VOIDED
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
