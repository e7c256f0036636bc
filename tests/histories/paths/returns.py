"""Play the returns."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import NEVER_COMES_BACK, NORMAL
from tests.histories.paths.common import LATER, SOON, named, to_be_returned
from tests.support.sagas import Sagas, an_order


async def returned(sagas: Sagas) -> str:
    order_id = await to_be_returned(sagas)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def returned_in_part(sagas: Sagas) -> str:
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=timedelta(seconds=2))
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NORMAL))
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def return_lapsed(sagas: Sagas) -> str:
    window = timedelta(seconds=2)
    return await to_be_returned(
        sagas, postal_code=NEVER_COMES_BACK, return_delivery=SOON, return_window=window
    )


async def back_after_the_lapse(sagas: Sagas) -> str:
    """The goods come back while the order is open, and the return resumes."""
    order_id = await to_be_returned(
        sagas, postal_code=NEVER_COMES_BACK, return_delivery=SOON, return_window=LATER
    )
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def back_after_the_end(sagas: Sagas) -> str:
    """The goods come back to a complete order, whose aftercare refunds them."""
    order_id = await return_lapsed(sagas)
    await sagas.end(order_id)
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.client.get_workflow_handle(f"aftercare-{order_id}").result()
    return order_id


PATHS: Final = named(
    returned,
    returned_in_part,
    return_lapsed,
    back_after_the_lapse,
    back_after_the_end,
)
