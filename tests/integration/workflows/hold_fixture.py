"""Orders whose payment is held, and what is held and paid of them."""

from __future__ import annotations

from domain.provider_notifications import (
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from providers.payment_simulator.methods import VISA
from tests.integration.workflows.conftest import NEVER_DISPATCHED, Sagas, an_order

DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
CANCELED = PaymentNotificationKind.CANCELED
HELD_ONCE = {"authorized": (1, 250), "expired": (1, 250)}
PAID_AGAIN = {"authorized": (2, 500), "expired": (1, 250), "captured": (1, 250)}


async def confirmed(sagas: Sagas, sku: str, postal_code: str = NEVER_DISPATCHED) -> str:
    order_id = await sagas.place(an_order((sku, 1), postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def pay_again(sagas: Sagas, order_id: str, method: str = VISA, key: str = "again") -> None:
    await sagas.pay_with(order_id, method, key=key)
