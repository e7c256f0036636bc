"""A step that is parked for a year: its workflow continues as new, and nothing is lost.

The pauses are short and a history is long at 60 events. A year has 371 retries of a parked step
(tests/unit/domain/test_saga_retries.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import pytest

from domain.ids import (
    aftercare_workflow_id,
    order_workflow_id,
    refund_workflow_id,
    return_workflow_id,
)
from domain.inventory.state import InventoryState
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from domain.saga import retries
from domain.saga.commands import Intervention
from kit.eventually import eventually
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import VISA
from tests.integration.workflows.test_refund_faults import check, promised
from tests.support.sagas import Sagas, an_order
from workflows import new_run

MAX_EVENTS: Final = 60
EVENTS_OF_A_RETRY: Final = 25
"""More than a retry ever writes. A year of them fits into a few runs of 1,000 events."""
SOON, LATER = timedelta(milliseconds=20), timedelta(minutes=5)
MONTH = timedelta(days=30)
BRIEF = timedelta(milliseconds=100)


@pytest.fixture(autouse=True)
def short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten histories and pauses, for the replay of the test's histories too."""
    monkeypatch.setattr(new_run, "MAX_HISTORY_EVENTS", MAX_EVENTS)
    monkeypatch.setattr(retries, "MAX_PAUSE", timedelta(0))


@contextmanager
def payments_down(sagas: Sagas, order_id: str, operation: str) -> Iterator[None]:
    with sagas.payment_simulator.failing(order_id, operation, "down"):
        yield


async def placed(sagas: Sagas) -> tuple[str, str]:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id, sku


async def lengths(sagas: Sagas, workflow_id: str) -> list[int]:
    """Return the number of events in each run of the workflow."""
    return [
        len(history.events)
        for history in await sagas.histories()
        if history.workflow_id == workflow_id
    ]


async def until_continued(sagas: Sagas, workflow_id: str, runs: int = 3) -> None:
    """Wait until the workflow has had this many runs, none of them long."""
    first = (await sagas.client.get_workflow_handle(workflow_id).describe()).run_id
    seen = {first}

    async def has_continued() -> bool:
        seen.add((await sagas.client.get_workflow_handle(workflow_id).describe()).run_id)
        return len(seen) >= runs

    await eventually(has_continued, 60)


async def check_lengths(sagas: Sagas, workflow_id: str) -> None:
    found = await lengths(sagas, workflow_id)
    assert len(found) >= 3
    assert max(found) < MAX_EVENTS + EVENTS_OF_A_RETRY


async def test_a_parked_step_of_an_order(sagas: Sagas) -> None:
    hasty = sagas.within(undo_timeout=BRIEF, parked_retry=SOON)
    order_id, sku = await placed(hasty)
    with payments_down(sagas, order_id, "capture"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
        await until_continued(sagas, order_workflow_id(order_id))
        await sagas.needs_attention(f"order-{order_id}", expected=True)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    await check_lengths(sagas, order_workflow_id(order_id))


async def test_an_order_that_waits_for_stock_beside_many_receipts(sagas: Sagas) -> None:
    """Each receipt of pots notifies the order, which waits for cups too."""
    cups, pots = await sagas.stocked(1), await sagas.stocked(2)
    order_id = await sagas.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued")
    workflow_id = order_workflow_id(order_id)
    runs = {(await sagas.workflow(order_id).describe()).run_id}
    while len(runs) < 3:
        await sagas.workflow(order_id).signal("stock_received")
        runs.add((await sagas.workflow(order_id).describe()).run_id)
    await sagas.receive(cups, 1)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == [
        *("OrderCreated", "OrderReserved", "OrderAuthorized", "OrderConfirmed"),
        *("OrderShipped", "OrderDelivered", "OrderCompleted"),
    ]
    assert await sagas.inventory(cups) == InventoryState(received=2, shipped=2)
    await check_lengths(sagas, workflow_id)


async def test_a_parked_undo_is_settled_by_its_number_in_a_later_run(sagas: Sagas) -> None:
    hasty = sagas.within(undo_timeout=BRIEF, parked_retry=SOON)
    order_id, sku = await placed(hasty)
    with payments_down(sagas, order_id, "cancel"):
        await sagas.cancel(order_id)
        await sagas.parked(order_id, "give_back")
        await until_continued(sagas, order_workflow_id(order_id))
        await sagas.intervene(order_id, "give_back", Intervention.RESOLVE)
        assert await sagas.end(order_id) == "CANCELLED"

    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_an_order_whose_payment_is_owed(sagas: Sagas) -> None:
    hasty = sagas.within(payment_window=BRIEF)
    order_id, _ = await placed(hasty)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.parked(order_id, "capture")
    await until_continued(sagas, order_workflow_id(order_id))
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    await sagas.until(f"order-{order_id}", "OrderDelivered")

    await sagas.intervene(order_id, "capture", Intervention.RESOLVE)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]
    await check_lengths(sagas, order_workflow_id(order_id))


async def test_an_owed_payment_is_collected_in_a_later_run(
    sagas: Sagas, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, _ = await placed(sagas.within(payment_window=timedelta(seconds=2)))
    monkeypatch.setattr(new_run, "MAX_HISTORY_EVENTS", 40)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    await sagas.deliver(order_id)
    await sagas.parked(order_id, "capture")
    await until_continued(sagas, order_workflow_id(order_id), runs=2)
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA, key="again")

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_the_aftercare_of_an_order(sagas: Sagas) -> None:
    hasty = sagas.within(undo_timeout=BRIEF, parked_retry=SOON)
    order_id = await sagas.arrived(an_order((await sagas.stocked(1), 1), postal_code=NORMAL))
    await sagas.end(order_id)
    workflow_id = aftercare_workflow_id(order_id)
    with payments_down(sagas, order_id, "look"):
        await hasty.orchestrator.handle_event(
            PaymentNotification(order_id, 1, PaymentNotificationKind.REFUND)
        )
        await sagas.parked(order_id, "attend")
        await until_continued(sagas, workflow_id)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]

    await sagas.until_closed(workflow_id)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    await check_lengths(sagas, workflow_id)


async def test_a_requested_refund(sagas: Sagas) -> None:
    order_id = await promised(sagas)
    workflow_id = refund_workflow_id(order_id, 1)
    hasty = sagas.within(undo_timeout=BRIEF, parked_retry=SOON)
    with payments_down(sagas, order_id, "refund"):
        await hasty.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, "refund_order_1")
        await until_continued(sagas, workflow_id)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]

    await check(sagas, order_id)
    await sagas.until_closed(workflow_id)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    await check_lengths(sagas, workflow_id)


async def test_the_refund_of_a_return(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    hasty = sagas.within(undo_timeout=BRIEF, parked_retry=SOON, return_window=MONTH)
    order_id = await hasty.arrived(an_order((sku, 2), postal_code=NORMAL))
    workflow_id = return_workflow_id(order_id)
    with payments_down(sagas, order_id, "refund"):
        await sagas.send_back(order_id)
        await sagas.carrier_simulator.until_recorded(order_id, "returned")
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        await sagas.parked(order_id, "refund")
        await until_continued(sagas, workflow_id)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert (await sagas.inventory(sku)).on_hand == 2
    await check_lengths(sagas, workflow_id)
