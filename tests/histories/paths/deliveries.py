"""Play the paths to a delivery, and to a rejection."""

from __future__ import annotations

from typing import Final

from providers.carrier_simulator.routes import NORMAL
from tests.histories.paths.common import SOON, asked_for, named, order, waiting_for_stock
from tests.support.sagas import Sagas


async def delivered(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.deliver(order_id)
    return order_id


async def delivered_and_not_returned(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(return_window=SOON))
    await sagas.deliver(order_id)
    return order_id


async def carrier_was_silent(sagas: Sagas) -> str:
    return await asked_for(sagas.within(dispatch=SOON, delivery=SOON), NORMAL)


async def rejected(sagas: Sagas) -> str:
    return await sagas.place(await order(sagas, on_hand=1))


async def backorder_notified(sagas: Sagas) -> str:
    order_id, sku = await waiting_for_stock(sagas)
    await sagas.receive(sku, 1)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def backorder_too_late(sagas: Sagas) -> str:
    order_id, _ = await waiting_for_stock(sagas.within(backorder=SOON))
    return order_id


PATHS: Final = named(
    delivered,
    delivered_and_not_returned,
    carrier_was_silent,
    rejected,
    backorder_notified,
    backorder_too_late,
)

COMMANDS_TOO: Final = {backorder_notified.__name__}
"""The paths in which the workflows of commands are recorded too: one wakes the order."""
