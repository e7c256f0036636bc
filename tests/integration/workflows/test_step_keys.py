"""A saga ends although a step happens twice. tests/unit/activities tests the keys alone."""

from __future__ import annotations

from activities.types.order import CancellationInput
from domain.inventory.state import InventoryState
from domain.order.commands import CancellationReason
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import LOST, NORMAL
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order

CAPTURED = {"authorized": (1, 250), "captured": (1, 250)}


def by_customer(order_id: str) -> CancellationInput:
    return CancellationInput(order_id, CancellationReason.CUSTOMER_REQUEST, "customer:test")


async def sent(sagas: Sagas, postal_code: str, effect: str) -> tuple[str, str]:
    """Place an order whose parcel has left without a notification; return it and its SKU."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, effect)
    return order_id, sku


async def test_a_lost_parcel_is_refunded_after_its_cancellation_was_withdrawn(
    sagas: Sagas,
) -> None:
    order_id, sku = await sent(sagas, LOST, "lost")

    await sagas.cancel(order_id)
    await sagas.until(f"order-{order_id}", "OrderShipped")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_LOST"
    assert (await sagas.events(f"order-{order_id}"))[-5:] == [
        "OrderCancellationRequested",
        "OrderCancellationWithdrawn",
        "OrderShipped",
        "OrderCancellationRequested",
        "OrderCancelled",
    ]
    assert await sagas.money(order_id) == {**CAPTURED, "refunded": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_second_cancellation_is_withdrawn_like_the_first(sagas: Sagas) -> None:
    order_id, sku = await sent(sagas, NORMAL, "delivered")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    events = await sagas.events(f"order-{order_id}")
    assert events.count("OrderCancellationRequested") == 2
    assert events.count("OrderCancellationWithdrawn") == 2
    assert await sagas.money(order_id) == CAPTURED
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
