"""A parcel leaves while a cancellation is being recorded, and a gate holds one side until then."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType

from activities.types.order import PlaceInput
from domain.errors import ErrorCode, Refused
from domain.ids import order_workflow_id
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier import ShipmentAddress, ShipmentItem
from providers.carrier_simulator.routes import NORMAL
from providers.http_carrier import HttpCarrier
from tests.integration.workflows.race_fixture import A_TASK, PAID, VOIDED, by_customer
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order
from workflows.order import OrderWorkflow
from workflows.types import OrderWorkflowInput


async def test_nothing_is_captured_when_the_dispatch_comes_while_a_cancellation_is_recorded(
    sagas: Sagas,
) -> None:
    """The cancellation is in the log, and the workflow does not know of it yet."""
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id = order.aggregate_id
    await sagas.client.start_workflow(
        OrderWorkflow.run,
        OrderWorkflowInput(order_id, sagas.deadlines, PlaceInput(order, "customer:test")),
        id=order_workflow_id(order_id),
        task_queue=sagas.task_queue,
        task_timeout=A_TASK,
    )
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("request_cancellation", order_id, When.AFTER) as gate:
        cancelling = asyncio.create_task(sagas.cancel(order_id))
        await gate.reached()
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.until_known(
            order_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, saga="order"
        )
    await cancelling

    assert await sagas.end(order_id) == "CANCELLED"
    assert "capture" not in await sagas.activities_of(order_id)
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == VOIDED


async def test_a_cancellation_whose_answer_was_lost_comes_too_late_for_what_has_left(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.deliver(order_id)
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))

    assert await sagas.end(order_id) == "COMPLETED"
    assert "OrderCancellationWithdrawn" in await sagas.events(f"order-{order_id}")
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID
    assert await sagas.events(f"saga-{order_id}") == []


async def test_a_cancellation_whose_answer_was_lost_stops_what_the_carrier_still_has(
    sagas: Sagas,
) -> None:
    """The notification of the dispatch was false."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == VOIDED


async def test_a_customer_cannot_cancel_while_the_dispatch_is_being_recorded(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await gate.reached()
        with pytest.raises(Refused) as refusal:
            await sagas.cancel(order_id)
    await sagas.deliver(order_id)

    assert refusal.value.code == ErrorCode.ORDER_NOT_CANCELLABLE
    assert await sagas.end(order_id) == "COMPLETED"
    assert "OrderCancellationRequested" not in await sagas.events(f"order-{order_id}")
    assert await sagas.money(order_id) == PAID


async def test_a_parcel_that_leaves_while_its_cancellation_is_parked_is_paid_for(
    sagas: Sagas,
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.carrier_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.parked(order_id, "cancel_shipment")
    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="dispatched")

    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert "OrderCancellationWithdrawn" in await sagas.events(f"order-{order_id}")
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await sagas.money(order_id) == PAID


async def test_a_parcel_that_left_before_its_creation_was_recorded_is_paid_for(
    sagas: Sagas, carrier: HttpCarrier
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), postal_code=NORMAL)
    order_id = order.aggregate_id

    async with sagas.gates.stopped("create_shipment", order_id, When.BEFORE) as gate:
        await sagas.place(order)
        await gate.reached()
        await carrier.create_shipment(
            order_id=order_id,
            address=ShipmentAddress(**order.shipping_address.model_dump()),
            items=[ShipmentItem(sku, 1)],
        )
        await sagas.carrier_simulator.until_recorded(order_id, "delivered")
        await sagas.cancel(order_id)
        await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"shipment-{order_id}") == [
        "ShipmentCreated",
        "TrackingNumberAssigned",
        "ShipmentDispatched",
        "ShipmentDelivered",
    ]
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID
