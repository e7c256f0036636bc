"""Play the failures of the carrier."""

from __future__ import annotations

from typing import Final

from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import CANCELLED_BY_CARRIER, LOST, REFUSED
from tests.histories.paths.common import SOON, asked_for, named, order
from tests.support.sagas import Sagas


async def carrier_refused(sagas: Sagas) -> str:
    return await sagas.place(await order(sagas, postal_code=REFUSED))


async def dispatch_missed(sagas: Sagas) -> str:
    return await asked_for(sagas.within(dispatch=SOON))


async def carrier_cancelled(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, CANCELLED_BY_CARRIER)
    await sagas.carrier_simulator.until_recorded(order_id, "cancelled")
    await sagas.notify(order_id, ShipmentNotificationKind.CANCELLED)
    return order_id


async def parcel_lost(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, LOST)
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    return order_id


PATHS: Final = named(
    carrier_refused,
    dispatch_missed,
    carrier_cancelled,
    parcel_lost,
)
