"""The sagas follow what the carrier does and what it notifies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import CANCELLED_BY_CARRIER, LOST, NEVER_DISPATCHED, NORMAL
from tests.support.sagas import Sagas, an_order

REFUNDED = {"authorized": (1, 250), "captured": (1, 250), "refunded": (1, 250)}
VOIDED = {"authorized": (1, 250), "voided": (1, 250)}


async def sent(sagas: Sagas, postal_code: str, effect: str) -> tuple[str, str]:
    """Place an order whose parcel has reached this state at the carrier; return it and its SKU."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, effect)
    return order_id, sku


@pytest.mark.parametrize(
    "notification",
    [
        [ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST],
        [ShipmentNotificationKind.LOST, ShipmentNotificationKind.DISPATCHED],
        [ShipmentNotificationKind.LOST],
    ],
)
async def test_a_lost_parcel_is_refunded_and_its_stock_is_gone(
    sagas: Sagas, notification: list[ShipmentNotificationKind]
) -> None:
    order_id, sku = await sent(sagas, LOST, "lost")

    await sagas.notify(order_id, *notification)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_LOST"
    assert (await sagas.events(f"shipment-{order_id}"))[-1] == "ShipmentLost"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == REFUNDED


async def test_a_loss_without_a_notification_is_found_at_the_deadline(sagas: Sagas) -> None:
    order_id, _ = await sent(sagas.within(delivery=timedelta(milliseconds=50)), LOST, "lost")

    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_LOST"
    assert await sagas.money(order_id) == REFUNDED


async def test_an_order_whose_shipment_the_carrier_cancels_is_undone(sagas: Sagas) -> None:
    order_id, sku = await sent(sagas, CANCELLED_BY_CARRIER, "cancelled")

    await sagas.notify(order_id, ShipmentNotificationKind.CANCELLED)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "SHIPMENT_FAILED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == VOIDED


@pytest.mark.parametrize(
    "notification", [ShipmentNotificationKind.CANCELLED, ShipmentNotificationKind.LOST]
)
async def test_an_unconfirmed_notification_of_a_loss_changes_nothing(
    sagas: Sagas, notification: ShipmentNotificationKind
) -> None:
    order_id, sku = await sent(sagas, NEVER_DISPATCHED, "created")

    await sagas.notify(order_id, notification)
    await sagas.until_asked(order_id, "track", 1)
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_webhooks_may_come_twice_and_out_of_order(sagas: Sagas) -> None:
    order_id, sku = await sent(sagas, NORMAL, "delivered")

    await sagas.notify(
        order_id,
        ShipmentNotificationKind.DELIVERED,
        ShipmentNotificationKind.DISPATCHED,
        ShipmentNotificationKind.DISPATCHED,
    )

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"shipment-{order_id}") == [
        "ShipmentCreated",
        "ShipmentDispatched",
        "ShipmentDelivered",
    ]
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_silent_carrier_is_polled_at_the_dispatch_deadline(
    sagas: Sagas,
) -> None:
    impatient = sagas.within(
        dispatch=timedelta(milliseconds=50), delivery=timedelta(milliseconds=50)
    )
    order_id, sku = await sent(impatient, NORMAL, "created")

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_hint_that_the_carrier_denies_changes_nothing(sagas: Sagas) -> None:
    order_id, _ = await sent(sagas, NEVER_DISPATCHED, "created")

    await sagas.hint(
        order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
    )
    await sagas.until_asked(order_id, "track", 1)
    await sagas.cancel(order_id)  # would be too late for a parcel that has left

    assert await sagas.end(order_id) == "CANCELLED"
    assert "OrderShipped" not in await sagas.events(f"order-{order_id}")
    assert await sagas.money(order_id) == VOIDED


async def test_a_hint_that_the_carrier_confirms_takes_effect(sagas: Sagas) -> None:
    order_id, sku = await sent(sagas, NORMAL, "delivered")

    await sagas.hint(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"order-{order_id}", "OrderShipped")
    await sagas.hint(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
