"""An operator resets a workflow in the Temporal Web UI; the saga continues from the log."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType

from domain.errors import Refused
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from orchestrator.translation import NoSuchSaga
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.support.resetting import reset
from tests.support.sagas import Sagas, an_order

START_FAILED = EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED
MAX_EVENTS = 60
"""A run that started a child once a second had ten more events each second."""


async def parent_run_of(sagas: Sagas, workflow_id: str) -> str | None:
    return (await sagas.client.get_workflow_handle(workflow_id).describe()).parent_run_id


async def waiting_to_pay(sagas: Sagas) -> tuple[str, str]:
    """Return an order in its payment wait, and its SKU."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=APPROVAL, postal_code=NORMAL))
    await sagas.until_running(f"payment-{order_id}")
    return order_id, sku


async def reset_to_its_start(sagas: Sagas, order_id: str, child: str) -> None:
    """Reset the order's workflow, and wait until its child belongs to the new run."""
    run = await reset(sagas.client, f"order-{order_id}")

    async def is_adopted() -> bool:
        return await parent_run_of(sagas, f"{child}-{order_id}") == run

    await eventually(is_adopted)


async def test_a_reset_in_the_payment_wait_does_not_spin(sagas: Sagas) -> None:
    order_id, _ = await waiting_to_pay(sagas)

    await reset_to_its_start(sagas, order_id, "payment")

    history = await sagas.workflow(order_id).fetch_history()
    assert [event.event_type for event in history.events].count(START_FAILED) <= 3
    assert len(history.events) < MAX_EVENTS


async def test_a_payment_is_approved_once_after_a_reset_in_its_wait(sagas: Sagas) -> None:
    order_id, sku = await waiting_to_pay(sagas)
    await reset_to_its_start(sagas, order_id, "payment")

    await sagas.approve(order_id)
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 1


async def test_another_method_is_tried_once_after_a_reset_in_the_wait(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    await reset_to_its_start(sagas, order_id, "payment")

    await sagas.pay_with(order_id, VISA, key="once")
    await sagas.pay_with(order_id, VISA, key="once")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 2


async def test_a_cancellation_after_a_reset_in_the_payment_wait_gives_everything_back(
    sagas: Sagas,
) -> None:
    order_id, sku = await waiting_to_pay(sagas)
    await reset(sagas.client, f"order-{order_id}")

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    with pytest.raises((Refused, NoSuchSaga)):
        await sagas.pay_with(order_id, VISA)
    assert "authorized" not in await sagas.money(order_id)
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 1


@pytest.mark.parametrize("task", [0, -1])
async def test_a_reset_during_a_return_refunds_once(sagas: Sagas, task: int) -> None:
    open_ = sagas.within(return_window=sagas.deadlines.delivery)
    order_id = await open_.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
    await sagas.send_back(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")

    run = await reset(sagas.client, f"order-{order_id}", task=task)
    if task == 0:
        await eventually(lambda: has_parent(sagas, f"return-{order_id}", run))
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {
        "authorized": (1, 500),
        "captured": (1, 500),
        "refunded": (1, 500),
    }
    assert (await sagas.events(f"order-{order_id}")).count("OrderReturnRequested") == 1


async def has_parent(sagas: Sagas, workflow_id: str, run: str) -> bool:
    return await parent_run_of(sagas, workflow_id) == run


@pytest.mark.parametrize("task", [0, -1])
async def test_a_reset_while_the_parcel_waits_ships_and_captures_once(
    sagas: Sagas, task: int
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    await reset(sagas.client, f"order-{order_id}", task=task)
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert (await sagas.events(f"shipment-{order_id}")).count("ShipmentCreated") == 1


FROM_ITS_START_AND_ITS_END = pytest.mark.parametrize("task", [0, -1])


@FROM_ITS_START_AND_ITS_END
async def test_a_reset_while_the_order_waits_for_stock_reserves_once(
    sagas: Sagas, task: int
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 2), postal_code=NORMAL, backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")

    await reset(sagas.client, f"order-{order_id}", task=task)
    await sagas.receive(sku, 1)
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=2, shipped=2)
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}


@FROM_ITS_START_AND_ITS_END
async def test_a_reset_while_the_parcel_is_on_its_way_captures_once(
    sagas: Sagas, task: int
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")

    await reset(sagas.client, f"order-{order_id}", task=task)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}


@FROM_ITS_START_AND_ITS_END
async def test_a_reset_within_the_return_window_keeps_the_order_returnable(
    sagas: Sagas, task: int
) -> None:
    open_ = sagas.within(return_window=sagas.deadlines.delivery)
    order_id = await open_.arrived(an_order((await sagas.stocked(1), 1), postal_code=NORMAL))

    await reset(sagas.client, f"order-{order_id}", task=task)
    await sagas.send_back(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 250)
    assert (await sagas.events(f"order-{order_id}")).count("OrderDelivered") == 1


async def parked_at_capture(sagas: Sagas) -> tuple[str, str]:
    """Return an order whose capture was refused, and its SKU. Its workflow waits."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await eventually(lambda: is_idle(sagas, order_id))
    return order_id, sku


async def is_idle(sagas: Sagas, order_id: str) -> bool:
    described = await sagas.workflow(order_id).describe()
    return not described.raw_description.HasField("pending_workflow_task")


async def is_retried(sagas: Sagas, order_id: str) -> bool:
    """Return whether the run has accepted a retry: it may not have parked the step yet."""
    try:
        await sagas.intervene(order_id, "capture", Intervention.RETRY)
    except Refused:
        return False
    return True


@FROM_ITS_START_AND_ITS_END
async def test_a_parked_saga_that_is_reset_is_captured_once(sagas: Sagas, task: int) -> None:
    order_id, sku = await parked_at_capture(sagas)

    await reset(sagas.client, f"order-{order_id}", task=task)
    if task == -1:
        await eventually(lambda: is_retried(sagas, order_id))
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert (await sagas.events(f"saga-{order_id}"))[0] == "SagaParked"
    assert len(await sagas.events(f"saga-{order_id}")) == 2


async def test_a_reset_of_the_payment_workflow_authorizes_once(sagas: Sagas) -> None:
    order_id, sku = await waiting_to_pay(sagas)

    await reset(sagas.client, f"payment-{order_id}")
    await sagas.approve(order_id)
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_reset_of_the_return_workflow_refunds_once(sagas: Sagas) -> None:
    open_ = sagas.within(return_window=sagas.deadlines.delivery)
    order_id = await open_.arrived(an_order((await sagas.stocked(1), 1), postal_code=NORMAL))
    await sagas.send_back(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")

    await reset(sagas.client, f"return-{order_id}")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 250)
