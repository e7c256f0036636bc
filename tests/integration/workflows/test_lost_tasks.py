"""A lost workflow task has changed the log, and the workflow does not know of it.

A stray attempt has the effect of such a task.
"""

from __future__ import annotations

import asyncio
import uuid

import pytest

from activities.types.order import PlaceInput, RejectInput
from domain.ids import order_workflow_id
from domain.inventory.state import InventoryState
from roles.temporal_worker import temporal_worker
from tests.integration.workflows.race_fixture import PAID, VOIDED, by_customer
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order
from workflows.order import OrderWorkflow
from workflows.types import OrderWorkflowInput

DONE_BEFORE = ["reserve", "authorize", "create_shipment"]


@pytest.mark.parametrize("count", range(len(DONE_BEFORE) + 1))
async def test_a_cancellation_undoes_the_effects_of_a_lost_task(sagas: Sagas, count: int) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id, task_queue = order.aggregate_id, f"later-{uuid.uuid4()}"
    await sagas.stray("place", order_id, PlaceInput(order, "customer:test"))
    for step in DONE_BEFORE[:count]:
        await sagas.stray(step, order_id)
    handle = await sagas.client.start_workflow(
        OrderWorkflow.run,
        OrderWorkflowInput(order_id, sagas.deadlines, PlaceInput(order, "customer:test")),
        id=order_workflow_id(order_id),
        task_queue=task_queue,
    )

    await handle.cancel()
    async with temporal_worker(sagas.client, task_queue, [*sagas.activities.values()]):
        assert await sagas.end(order_id) == "CANCELLED"

    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == (VOIDED if count >= 2 else {})
    shipped = await sagas.carrier_simulator.effects(order_id)
    units = [shipped.get(effect, (0, 0))[1] for effect in ("created", "cancelled")]
    assert units == ([1, 1] if count >= 3 else [0, 0])


async def test_a_rejection_by_a_lost_task_is_the_end_of_the_order(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 2))
    order_id = order.aggregate_id

    async with sagas.gates.stopped("reserve", order_id, When.BEFORE) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.stray("reject", order_id, RejectInput(order_id, sku))
    await placing

    assert await sagas.end(order_id) == "REJECTED"
    assert await sagas.events(f"order-{order_id}") == ["OrderCreated", "OrderRejected"]
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_a_cancellation_that_is_quicker_than_the_rejection_wins(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 2))
    order_id = order.aggregate_id

    async with sagas.gates.stopped("reject", order_id, When.BEFORE) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))
    await placing

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "CUSTOMER_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_a_dispatch_by_a_lost_task_is_captured_once(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.deliver(order_id)
        await gate.reached()
        await sagas.stray("capture", order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID
