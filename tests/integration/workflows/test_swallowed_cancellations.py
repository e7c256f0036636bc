"""A cancellation arrives while an activity is about to succeed.

Temporal delivers it to the activity, which succeeds and so drops it: the workflow has to check for
it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from temporalio.api.enums.v1 import EventType

from domain.inventory.state import InventoryState
from providers.payment_simulator.methods import APPROVAL
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order


async def by_customer(sagas: Sagas, order_id: str) -> None:
    await sagas.cancel(order_id)


async def in_temporal(sagas: Sagas, order_id: str) -> None:
    await sagas.workflow(order_id).cancel()


CANCELLATIONS = [by_customer, in_temporal]
Cancel = Callable[[Sagas, str], Awaitable[None]]


@pytest.mark.parametrize("cancel", CANCELLATIONS)
async def test_a_cancellation_during_a_carrier_poll_compensates_the_order(
    sagas: Sagas, cancel: Cancel
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.terminate(order_id)

    async with sagas.gates.stopped("track", order_id, When.AFTER) as gate:
        await sagas.recover(order_id)
        await gate.reached()
        await cancel(sagas, order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 250)}
    assert (await sagas.events(f"shipment-{order_id}"))[-1] == "ShipmentCancelled"


@pytest.mark.parametrize("cancel", CANCELLATIONS)
async def test_a_cancellation_during_the_payment_compensates_the_order(
    sagas: Sagas, cancel: Cancel
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")
    await sagas.until(f"payment-{order_id}", "PaymentPending")

    async with sagas.gates.stopped("authorize", order_id, When.AFTER) as gate:
        await sagas.client.get_workflow_handle(f"payment-{order_id}").terminate()
        await gate.reached()
        await cancel(sagas, order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)


@pytest.mark.parametrize("cancel", CANCELLATIONS)
async def test_a_cancellation_during_a_payment_look_up_ends_the_payment(
    sagas: Sagas, cancel: Cancel
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), method=APPROVAL)
    order_id = order.aggregate_id

    async with sagas.gates.stopped("look_up", order_id, When.AFTER) as gate:
        await sagas.place(order)
        await gate.reached()
        await cancel(sagas, order_id)
        requested = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
        await sagas.until_written(order_id, requested, saga="payment")

    await sagas.until_closed(f"payment-{order_id}")
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED in await sagas.written(order_id, "payment")
    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {"voided": (1, 0)}
