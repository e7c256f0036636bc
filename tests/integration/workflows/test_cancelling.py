"""A workflow that is cancelled in Temporal compensates, at any step."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from activities.types.order import PlaceInput
from domain.ids import order_workflow_id
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from providers.payment_simulator.methods import APPROVAL, DECLINED
from roles.temporal_worker import temporal_worker
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order
from workflows.order import OrderWorkflow
from workflows.types import OrderWorkflowInput

FORWARD = ["authorize", "create_shipment"]


async def test_an_order_cancelled_before_its_workflow_has_begun_is_placed_and_cancelled(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id, task_queue = order.aggregate_id, f"later-{uuid.uuid4()}"
    handle = await sagas.client.start_workflow(
        OrderWorkflow.run,
        OrderWorkflowInput(order_id, sagas.deadlines, PlaceInput(order, "customer:test")),
        id=order_workflow_id(order_id),
        task_queue=task_queue,
    )

    await handle.cancel()
    async with temporal_worker(sagas.client, task_queue, [*sagas.activities.values()]):
        assert await sagas.end(order_id) == "CANCELLED"

    assert await sagas.events(f"order-{order_id}") == [
        "OrderCreated",
        "OrderReserved",
        "OrderCancellationRequested",
        "OrderCancelled",
    ]
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {}


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("step", FORWARD)
async def test_a_workflow_cancelled_beside_a_step_undoes_that_step_too(
    sagas: Sagas, step: str, when: When
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id = order.aggregate_id

    async with sagas.gates.stopped(step, order_id, when) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.workflow(order_id).cancel()
    assert await placing == order_id

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "OPERATOR_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    effects = await sagas.money(order_id)
    assert effects.get("authorized", (0, 0)) == effects.get("voided", (0, 0))
    assert "captured" not in effects
    shipped = await sagas.carrier_simulator.effects(order_id)
    assert shipped.get("created", (0, 0))[0] <= shipped.get("cancelled", (0, 0))[0]


@pytest.mark.parametrize("when", When)
async def test_a_workflow_cancelled_beside_its_reservation_undoes_it_too(
    sagas: Sagas, when: When
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 2), backorder=True)  # the placement reserves nothing
    order_id = order.aggregate_id

    async with sagas.gates.stopped("reserve", order_id, when) as gate:
        placing = asyncio.create_task(sagas.place(order))
        if when is When.AFTER:
            await sagas.until(f"inventory-{sku}", "BackorderQueued")
            await sagas.receive(sku, 1)
        await gate.reached()
        await sagas.workflow(order_id).cancel()
    assert await placing == order_id

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "OPERATOR_REQUEST"
    pieces = 2 if when is When.AFTER else 1
    assert await sagas.inventory(sku) == InventoryState(received=pieces)
    effects = await sagas.money(order_id)
    assert effects.get("authorized", (0, 0)) == effects.get("voided", (0, 0))
    assert "captured" not in effects


@pytest.mark.parametrize("undo", ["cancel_shipment", "give_back", "release"])
@pytest.mark.parametrize("when", When)
async def test_a_workflow_cancelled_beside_an_undo_continues_to_compensate(
    sagas: Sagas, undo: str, when: When
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped(undo, order_id, when) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await sagas.workflow(order_id).cancel()

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "CUSTOMER_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 250)}


@pytest.mark.parametrize("method", [APPROVAL, DECLINED])
@pytest.mark.parametrize("which", ["order", "payment"])
async def test_an_order_cancelled_while_it_waits_for_its_customer_is_undone(
    sagas: Sagas, method: str, which: str
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=method))
    await sagas.until_running(f"payment-{order_id}")

    await sagas.client.get_workflow_handle(f"{which}-{order_id}").cancel()

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert "authorized" not in await sagas.money(order_id)


@pytest.mark.parametrize("moment", ["capture", "deliver", "complete"])
async def test_it_is_too_late_to_cancel_a_workflow_whose_parcel_has_left(
    sagas: Sagas, moment: str
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped(moment, order_id, When.BEFORE) as gate:
        await sagas.deliver(order_id)
        await gate.reached()
        await sagas.workflow(order_id).cancel()
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
