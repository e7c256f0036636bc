"""Play the paths to a delivery, and to a rejection."""

from __future__ import annotations

from typing import Final

from domain.inventory.commands import AdjustmentReason, AdjustStock
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import DECLINED, VISA
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


async def left_short(sagas: Sagas) -> str:
    """Lose the goods of an order before it is paid, and receive others before it is sent."""
    placed = await order(sagas, method=DECLINED)
    sku = placed.lines[0].sku
    order_id = await sagas.place(placed)
    await sagas.until_running(f"payment-{order_id}")
    await sagas.run(AdjustStock(aggregate_id=sku, difference=-2, reason=AdjustmentReason.LOST))
    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")
    await sagas.receive(sku, 2)
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
    left_short,
)

COMMANDS_TOO: Final = {backorder_notified.__name__, left_short.__name__}
"""The paths in which the workflows of commands and of the stock are recorded too."""
