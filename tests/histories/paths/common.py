"""Bring an order to the places where several paths begin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from domain.order.commands import PlaceOrder
from domain.order.lines import ReturnedLine
from providers.carrier_simulator.routes import NEVER_DISPATCHED, NORMAL
from providers.payment_simulator.methods import VISA
from tests.support.sagas import Sagas, an_order

Path = Callable[[Sagas], Awaitable[str]]

SOON: Final = timedelta(milliseconds=50)
LATER: Final = timedelta(minutes=5)


async def order(
    sagas: Sagas, on_hand: int = 2, *, postal_code: str = NEVER_DISPATCHED, method: str = VISA
) -> PlaceOrder:
    """Return an order of two pieces of one SKU."""
    sku = await sagas.stocked(on_hand)
    return an_order((sku, 2), postal_code=postal_code, method=method)


async def asked_for(sagas: Sagas, postal_code: str = NEVER_DISPATCHED) -> str:
    """Place and pay an order; return it when its shipment is created."""
    order_id = await sagas.place(await order(sagas, postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def waiting_to_pay(sagas: Sagas, method: str) -> str:
    order_id = await sagas.place(await order(sagas, method=method))
    await sagas.until_running(f"payment-{order_id}")
    return order_id


async def waiting_for_stock(sagas: Sagas) -> tuple[str, str]:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 2), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    return order_id, sku


async def to_be_returned(
    sagas: Sagas, *lines: ReturnedLine, postal_code: str = NORMAL, **deadlines: timedelta
) -> str:
    patient = sagas.within(**{"return_window": LATER, **deadlines})
    order_id = await patient.arrived(await order(sagas, postal_code=postal_code))
    await sagas.send_back(order_id, *lines)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    return order_id


async def cancelled(sagas: Sagas, order_id: str) -> None:
    await sagas.cancel(order_id)


async def workflow_cancelled(sagas: Sagas, order_id: str) -> None:
    await sagas.workflow(order_id).cancel()


def named(*paths: Path) -> dict[str, Path]:
    return {path.__name__: path for path in paths}
