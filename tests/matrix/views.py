"""Compare the read models with the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from domain.inventory.decide import INVENTORY
from domain.order.decide import ORDER
from domain.payment.decide import PAYMENT
from domain.shipping.decide import SHIPMENT
from domain.shipping.state import HAS_LEFT
from domain.shipping.tracking import TrackingInfo
from tests.matrix.world import World

_STOCK: Final = (
    "SELECT received, on_hand, available, reserved, shipped FROM readmodel.inventory_view"
    " WHERE sku = $1"
)
_ORDER: Final = "SELECT status, return_requested FROM readmodel.order_view WHERE order_id = $1"
_PAYMENT: Final = (
    "SELECT status, attempt, captured, refunded, reference FROM readmodel.payment_view"
    " WHERE order_id = $1"
)
_SHIPMENT: Final = (
    "SELECT status, shipment_id, tracking_number, carrier, tracking_url"
    " FROM readmodel.shipment_view WHERE order_id = $1"
)
_BACKORDER: Final = "SELECT sku FROM readmodel.backorder_view WHERE order_id = $1"
_PARKED: Final = "SELECT step FROM readmodel.parked_step WHERE order_id = $1"


async def view_faults(world: World, order_id: str, sku: str) -> AsyncIterator[str]:
    stock = await world.state(INVENTORY, sku)
    order = await world.state(ORDER, order_id)
    payment = await world.state(PAYMENT, order_id)
    shipment = await world.state(SHIPMENT, order_id)
    paid = (
        payment.status,
        payment.attempt,
        payment.captured,
        payment.refunded,
        payment.reference,
    )
    # A return or shipment that was cancelled before it existed is not shown.
    is_known = shipment.shipment_id or shipment.status in HAS_LEFT or shipment.booking > 1
    sent = (shipment.status, shipment.shipment_id, *_tracking(shipment.tracking))
    logged: dict[str, tuple[str, str, list[tuple[object, ...]]]] = {
        "inventory_view": (
            _STOCK,
            sku,
            [(stock.received, stock.on_hand, stock.available, stock.reserved, stock.shipped)],
        ),
        "order_view": (
            _ORDER,
            order_id,
            [(order.status, order.returning is not None)],
        ),
        "payment_view": (_PAYMENT, order_id, [paid] if payment.attempt else []),
        "shipment_view": (_SHIPMENT, order_id, [sent] if is_known else []),
        "backorder_view": (_BACKORDER, order_id, []),
        "parked_step": (_PARKED, order_id, []),
    }
    for view, (query, key, expected) in logged.items():
        if (found := await world.rows(query, key)) != expected:
            yield f"{view} has {found}, the log {expected}"


def _tracking(tracking: TrackingInfo | None) -> tuple[str | None, str | None, str | None]:
    return (None,) * 3 if tracking is None else (tracking.number, tracking.carrier, tracking.url)
