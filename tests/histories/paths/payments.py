"""Play the paths on which the customer acts for the payment, and on which a hold ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.histories.paths.common import SOON, asked_for, named, order, waiting_to_pay
from tests.support.sagas import Sagas


async def declined_then_paid(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, DECLINED)
    await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def approved(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await sagas.approve(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def payment_window_closed(sagas: Sagas) -> str:
    return await sagas.within(payment_window=SOON).place(await order(sagas, method=APPROVAL))


async def hold_ended_and_paid_again(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA, key="again")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.deliver(order_id)
    return order_id


async def hold_ended_and_not_paid(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(payment_window=timedelta(seconds=2)))
    await sagas.release_hold(order_id)
    return order_id


async def owed_and_paid(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    await sagas.deliver(order_id)
    await sagas.parked(order_id, "capture")
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA, key="again")
    return order_id


async def hold_ended_while_the_capture_was_parked(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.deliver(order_id)
        await sagas.parked(order_id, "capture")
    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA, key="again")
    return order_id


PATHS: Final = named(
    declined_then_paid,
    approved,
    payment_window_closed,
    hold_ended_and_paid_again,
    hold_ended_and_not_paid,
    owed_and_paid,
    hold_ended_while_the_capture_was_parked,
)
