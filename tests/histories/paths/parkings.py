"""Play the paths on which a step parks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from tests.histories.paths.common import SOON, Path, asked_for, named, to_be_returned
from tests.support.gates import When
from tests.support.sagas import Sagas


def _parked(intervention: Intervention) -> Path:
    async def path(sagas: Sagas) -> str:
        order_id = await asked_for(sagas)
        with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
            await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
            await sagas.parked(order_id, "capture")
        await sagas.intervene(order_id, "capture", intervention)
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
        return order_id

    return path


def _undo_parked(intervention: Intervention) -> Path:
    async def path(sagas: Sagas) -> str:
        order_id = await asked_for(sagas)
        with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
            await sagas.cancel(order_id)
            await sagas.parked(order_id, "give_back")
        await sagas.intervene(order_id, "give_back", intervention)
        return order_id

    return path


def _refund_parked(intervention: Intervention) -> Path:
    async def path(sagas: Sagas) -> str:
        order_id = await to_be_returned(sagas)
        with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
            await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
            await sagas.parked(order_id, "refund")
        await sagas.intervene(order_id, "refund", intervention)
        return order_id

    return path


async def parked_and_tried_again_by_itself(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(undo_timeout=SOON, parked_retry=SOON))
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


async def settled_while_it_was_tried_again(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(undo_timeout=timedelta(seconds=1), parked_retry=SOON))
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
        async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
            await gate.reached()
            await sagas.intervene(order_id, "capture", Intervention.SKIP)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


async def overdue_and_then_delivered(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(delivery=SOON))
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.parked(order_id, "await_delivery")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


PATHS: Final = {
    **named(
        parked_and_tried_again_by_itself,
        settled_while_it_was_tried_again,
        overdue_and_then_delivered,
    ),
    **{
        f"parked_and_{intervention.lower()}": _parked(intervention) for intervention in Intervention
    },
    **{
        f"undo_parked_and_{intervention.lower()}": _undo_parked(intervention)
        for intervention in (Intervention.RETRY, Intervention.RESOLVE)
    },
    **{
        f"refund_parked_and_{intervention.lower()}": _refund_parked(intervention)
        for intervention in (Intervention.RETRY, Intervention.RESOLVE)
    },
}
