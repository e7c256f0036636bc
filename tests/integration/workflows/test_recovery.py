"""A saga without a workflow continues from the log, and does nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order

DELIVERED_ORDER = [
    "OrderCreated",
    "OrderReserved",
    "OrderAuthorized",
    "OrderConfirmed",
    "OrderShipped",
    "OrderDelivered",
    "OrderCompleted",
]
PAID = {"authorized": (1, 250), "captured": (1, 250)}
VOIDED = {"authorized": (1, 250), "voided": (1, 250)}

FORWARD = ["authorize", "create_shipment"]
AFTER_DISPATCH = ["capture", "deliver", "complete"]
BACK = ["cancel_shipment", "give_back", "release", "cancel"]


async def recoveries(sagas: Sagas, order_id: str) -> None:
    await sagas.terminate(order_id)
    await sagas.recover(order_id)


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("step", [*FORWARD, *AFTER_DISPATCH])
async def test_an_order_recovered_beside_any_step_is_delivered_once(
    sagas: Sagas, step: str, when: When
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), postal_code=NORMAL)
    order_id = order.aggregate_id

    async with sagas.gates.stopped(step, order_id, when) as gate:
        placing = asyncio.create_task(sagas.place(order))
        if step in AFTER_DISPATCH:
            await sagas.delivered(order_id)
        await gate.reached()
        await recoveries(sagas, order_id)
    await asyncio.gather(placing, return_exceptions=True)  # cut off together with its workflow
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == DELIVERED_ORDER
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID
    assert (await sagas.carrier_simulator.effects(order_id))["created"] == (1, 1)


@pytest.mark.parametrize("when", When)
async def test_an_order_recovered_beside_its_reservation_is_delivered_once(
    sagas: Sagas, when: When
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 2), postal_code=NORMAL, backorder=True)
    order_id = order.aggregate_id

    async with sagas.gates.stopped("reserve", order_id, when) as gate:
        placing = asyncio.create_task(sagas.place(order))
        if when is When.AFTER:
            await sagas.until(f"inventory-{sku}", "BackorderQueued")
            await sagas.receive(sku, 1)
        await gate.reached()
        await recoveries(sagas, order_id)
    await asyncio.gather(placing, return_exceptions=True)
    if when is When.BEFORE:
        await sagas.until(f"inventory-{sku}", "BackorderQueued")
        await sagas.receive(sku, 1)
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == DELIVERED_ORDER
    assert await sagas.inventory(sku) == InventoryState(received=2, shipped=2)
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("undo", BACK)
async def test_an_order_recovered_during_compensation_is_undone_once(
    sagas: Sagas, undo: str, when: When
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped(undo, order_id, when) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await recoveries(sagas, order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert (await sagas.events(f"order-{order_id}"))[-2:] == [
        "OrderCancellationRequested",
        "OrderCancelled",
    ]
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == VOIDED
    assert (await sagas.carrier_simulator.effects(order_id))["cancelled"] == (1, 1)


async def test_a_recovered_pending_payment_is_approved_once(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")
    await recoveries(sagas, order_id)

    await sagas.approve(order_id)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert await sagas.money(order_id) == {"authorized": (1, 250)}


async def test_a_recovered_declined_payment_accepts_another_method(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    await recoveries(sagas, order_id)

    await sagas.pay_with(order_id, VISA)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}


async def test_a_terminated_payment_workflow_is_started_again(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")

    await sagas.client.get_workflow_handle(f"payment-{order_id}").terminate()
    await sagas.approve(order_id)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert await sagas.money(order_id) == {"authorized": (1, 250)}


async def test_a_recovered_parked_saga_retries_its_step_under_the_same_number(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
        async with sagas.gates.stopped("park", order_id, When.AFTER) as gate:
            await recoveries(sagas, order_id)
            await gate.reached()
    await sagas.needs_attention(f"order-{order_id}", expected=True)

    await sagas.intervene(order_id, "capture", Intervention.RETRY)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]
    assert await sagas.money(order_id) == PAID


async def test_a_late_parking_of_an_ended_run_does_not_stay(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("park", order_id, When.BEFORE) as gate:
        with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
            await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
            await gate.reached()
        await recoveries(sagas, order_id)
        await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.parked(order_id, "capture")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_an_outage_during_a_recovery_compensates_no_order_with_time_left(
    sagas: Sagas,
) -> None:
    hasty = sagas.within(provider_timeout=timedelta(milliseconds=200))
    order_id = await hasty.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    with sagas.carrier_simulator.failing(order_id, "*", "down"):
        await sagas.terminate(order_id)
        await hasty.recover(order_id)
        await sagas.until_asked(order_id, "track", times=3)
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"


async def test_an_outage_during_a_payments_recovery_keeps_its_window(
    sagas: Sagas,
) -> None:
    hasty = sagas.within(provider_timeout=timedelta(milliseconds=200))
    order_id = await hasty.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")

    with sagas.payment_simulator.failing(order_id, "*", "down"):
        await sagas.terminate(order_id)
        await hasty.recover(order_id)
        await sagas.until_failed(order_id, "authorize", times=3)
    await sagas.until_running(f"payment-{order_id}")
    await sagas.approve(order_id)

    await sagas.until(f"order-{order_id}", "OrderConfirmed")


async def test_a_settled_step_stays_settled_after_a_recovery(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.intervene(order_id, "capture", Intervention.RESOLVE)

    await recoveries(sagas, order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250)}


async def test_a_recovered_return_is_refunded_once(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    patient = sagas.within(return_window=timedelta(minutes=5))
    order_id = await patient.arrived(an_order((sku, 1), postal_code=NORMAL))
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")

    await sagas.terminate(order_id)
    await patient.recover(order_id)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 250)}


async def test_a_recorded_step_is_not_requested_again(
    sagas: Sagas, owner: asyncpg.Connection
) -> None:
    patient = sagas.within(return_window=timedelta(minutes=5))
    order_id = await patient.arrived(an_order((await sagas.stocked(1), 1), postal_code=NORMAL))

    await sagas.outlast(order_id, owner)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.activities_of(order_id) == ["capture"]


async def ended(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"
    return order_id


async def rejected(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 2)))
    assert await sagas.end(order_id) == "REJECTED"
    return order_id


@pytest.mark.parametrize("story", [ended, rejected])
async def test_an_ended_workflow_is_only_found_to_have_ended(
    sagas: Sagas, story: Callable[[Sagas], Awaitable[str]]
) -> None:
    order_id = await story(sagas)
    before = await sagas.store.load_all_events()

    await sagas.recover(order_id)

    assert await sagas.end(order_id) in {"COMPLETED", "REJECTED"}
    assert await sagas.store.load_all_events() == before


async def test_a_saga_that_runs_is_left_alone(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    run = (await sagas.workflow(order_id).describe()).run_id

    await sagas.recover(order_id)

    assert (await sagas.workflow(order_id).describe()).run_id == run
