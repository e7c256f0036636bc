"""Cancel an order as its customer does, and its workflow as Temporal does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL
from tests.histories.paths.common import (
    Path,
    asked_for,
    cancelled,
    named,
    order,
    waiting_for_stock,
    waiting_to_pay,
    workflow_cancelled,
)
from tests.support.gates import When
from tests.support.sagas import Sagas


async def cancelled_while_waiting_for_stock(sagas: Sagas) -> str:
    order_id, _ = await waiting_for_stock(sagas)
    await sagas.cancel(order_id)
    return order_id


async def cancelled_while_paying(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await sagas.cancel(order_id)
    return order_id


def _beside(step: str, cancel: Callable[[Sagas, str], Awaitable[None]]) -> Path:
    async def path(sagas: Sagas) -> str:
        wanted = await order(sagas)
        async with sagas.gates.stopped(step, wanted.aggregate_id, When.AFTER) as gate:
            placing = asyncio.create_task(sagas.place(wanted))
            await gate.reached()
            await cancel(sagas, wanted.aggregate_id)
        return await placing

    return path


async def cancelled_before_dispatch(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.cancel(order_id)
    return order_id


async def parcel_was_quicker(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, NORMAL)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await sagas.cancel(order_id)
    await sagas.deliver(order_id)
    return order_id


async def workflow_cancelled_while_reserving(sagas: Sagas) -> str:
    """An order that has waited for its stock: a straight one is reserved as it is placed."""
    order_id, sku = await waiting_for_stock(sagas)
    async with sagas.gates.stopped("reserve", order_id, When.AFTER) as gate:
        await sagas.receive(sku, 1)
        await gate.reached()
        await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_while_paying(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_before_dispatch(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_while_undoing(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    async with sagas.gates.stopped("give_back", order_id, When.BEFORE) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_after_dispatch(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await workflow_cancelled(sagas, order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


PATHS: Final = {
    **named(
        cancelled_while_waiting_for_stock,
        cancelled_while_paying,
        cancelled_before_dispatch,
        parcel_was_quicker,
        workflow_cancelled_while_reserving,
        workflow_cancelled_while_paying,
        workflow_cancelled_before_dispatch,
        workflow_cancelled_while_undoing,
        workflow_cancelled_after_dispatch,
    ),
    "cancelled_while_authorizing": _beside("authorize", cancelled),
    "cancelled_while_shipping": _beside("create_shipment", cancelled),
    "workflow_cancelled_while_authorizing": _beside("authorize", workflow_cancelled),
    "workflow_cancelled_while_shipping": _beside("create_shipment", workflow_cancelled),
}
