"""Play what a recovery finds."""

from __future__ import annotations

from typing import Final

from activities.types.order import PlaceInput
from domain.provider_notifications import ShipmentNotificationKind
from kit.eventually import eventually
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL
from tests.histories.paths.common import (
    LATER,
    asked_for,
    named,
    to_be_returned,
    waiting_to_pay,
)
from tests.support.gates import When
from tests.support.lost_tail import lose_tail
from tests.support.resetting import reset
from tests.support.sagas import Sagas, an_order


async def reset_while_paying(sagas: Sagas) -> str:
    """The saga ends the payment's workflow of the old run, and starts it again."""
    order_id = await waiting_to_pay(sagas, APPROVAL)
    payment = sagas.client.get_workflow_handle(f"payment-{order_id}")
    first = (await payment.describe()).run_id
    await reset(sagas.client, f"order-{order_id}")

    async def is_started_again() -> bool:
        return (await payment.describe()).run_id != first

    await eventually(is_started_again)
    await sagas.approve(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def _recovered(sagas: Sagas, order_id: str) -> None:
    await sagas.terminate(order_id)
    await sagas.recover(order_id)


async def recoveries(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, NORMAL)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await _recovered(sagas, order_id)
    return order_id


async def recovered_while_compensating(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    async with sagas.gates.stopped("give_back", order_id, When.AFTER) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await _recovered(sagas, order_id)
    return order_id


async def recovered_where_it_was_parked(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await _recovered(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


async def recovered_while_returned(sagas: Sagas) -> str:
    order_id = await to_be_returned(sagas)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.terminate(order_id)
    await sagas.within(return_window=LATER).recover(order_id)
    return order_id


async def placed_again(sagas: Sagas) -> str:
    """Place again an order that the log has lost and the providers have not."""
    sku = await sagas.stocked(5)
    before = await sagas.store.safe_head()
    command = an_order((sku, 2), postal_code=NORMAL)
    order_id = await sagas.within(return_window=LATER).arrived(command)
    await lose_tail(sagas.store._pool, before)
    await sagas.orchestrator.place_again(PlaceInput(command, "customer:test"))
    return order_id


async def payment_begun_again(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await sagas.client.get_workflow_handle(f"payment-{order_id}").terminate()
    await sagas.approve(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


PATHS: Final = named(
    reset_while_paying,
    recoveries,
    recovered_while_compensating,
    recovered_where_it_was_parked,
    recovered_while_returned,
    placed_again,
    payment_begun_again,
)
