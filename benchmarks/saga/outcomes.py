"""Drive orders to every outcome step by step, so that every run has the same history.

Each step waits until all workflows are idle, so no two signals share a workflow task by chance. The
carrier's webhooks are not passed on. The driver sends the notifications in a fixed order instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from benchmarks.saga.costs import Cost, cost_of
from benchmarks.saga.stepwise import DELIVERED, DISPATCHED, StepwiseDriver
from domain.ids import order_workflow_id, payment_workflow_id, return_workflow_id
from domain.order.lines import ReturnedLine
from domain.order.state import FINAL, OrderStatus
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier import CarrierShipmentStatus
from providers.carrier_simulator.routes import LOST, NEVER_COMES_BACK, NORMAL, REFUSED
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA

SOON: Final = timedelta(seconds=2)
"""Longer than any running step, and short enough to wait for."""


async def delivered(driver: StepwiseDriver) -> str:
    """Drive an order to its delivery. Its return window is open."""
    order_id = await driver.buy()
    await driver.hear(order_id, DISPATCHED, DELIVERED)
    await driver.idle(order_workflow_id(order_id))
    return order_id


async def completed(driver: StepwiseDriver) -> str:
    return await delivered(driver.within(return_window=SOON))


async def unpaid(driver: StepwiseDriver, method: str) -> str:
    """Place an order whose payment waits for its customer."""
    order_id = await driver.buy(method=method)
    await driver.idle(payment_workflow_id(order_id))
    await driver.idle(order_workflow_id(order_id))  # it is informed of its child's start
    return order_id


async def paid_again(driver: StepwiseDriver) -> str:
    """Drive an order whose payment is declined and then succeeds with another method."""
    driver = driver.within(return_window=SOON)
    order_id = await unpaid(driver, DECLINED)
    await driver.pay_with(order_id, VISA)
    await driver.closed(order_id, payment_workflow_id(order_id))
    await driver.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def approved(driver: StepwiseDriver) -> str:
    """Drive an order whose customer approves the payment by 3-D Secure."""
    driver = driver.within(return_window=SOON)
    order_id = await unpaid(driver, APPROVAL)
    await driver.approve(order_id)
    await driver.closed(order_id, payment_workflow_id(order_id))
    await driver.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def payment_window_closed(driver: StepwiseDriver) -> str:
    return await driver.within(payment_window=SOON).buy(method=DECLINED)


async def out_of_stock(driver: StepwiseDriver) -> str:
    return await driver.buy(driver.sold_out)


async def backordered(driver: StepwiseDriver) -> str:
    driver, sku = driver.within(return_window=SOON), f"short-{uuid.uuid4().hex}"
    order_id = await driver.buy(sku, backorder=True)
    await driver.idle(order_workflow_id(order_id))
    await driver.receive(sku, 1)
    await driver.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def cancelled_before_shipment(driver: StepwiseDriver) -> str:
    """Cancel an order that waits for its payment."""
    order_id = await unpaid(driver, DECLINED)
    await driver.cancel(order_id)
    return order_id


async def cancelled_after_shipment(driver: StepwiseDriver) -> str:
    """Cancel an order that waits for the carrier to collect the parcel."""
    order_id = await driver.buy()
    await driver.idle(order_workflow_id(order_id))
    await driver.cancel(order_id)
    return order_id


async def carrier_failed(driver: StepwiseDriver) -> str:
    return await driver.buy(postal_code=REFUSED)


async def dispatch_missed(driver: StepwiseDriver) -> str:
    return await driver.within(dispatch=SOON).buy()


async def returned(driver: StepwiseDriver) -> str:
    order_id = await driver.arrived()
    await driver.send_back(order_id)
    await driver.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def returned_in_part(driver: StepwiseDriver) -> str:
    """Return one of two lines. The return window is still open."""
    other = f"other-{uuid.uuid4().hex}"
    await driver.receive(other, 1)
    order_id = await driver.arrived(driver.sku, other)
    await driver.send_back(order_id, ReturnedLine(sku=other, quantity=1))
    await driver.notify(order_id, ShipmentNotificationKind.RETURNED)
    await driver.closed(order_id, return_workflow_id(order_id))
    await driver.idle(order_workflow_id(order_id))
    return order_id


async def return_lapsed(driver: StepwiseDriver) -> str:
    """Let the deadline of a return pass. The return window is still open."""
    order_id = await driver.within(return_delivery=SOON).arrived(postal_code=NEVER_COMES_BACK)
    await driver.send_back(order_id)
    await driver.closed(order_id, return_workflow_id(order_id))
    await driver.idle(order_workflow_id(order_id))
    return order_id


async def parcel_quicker(driver: StepwiseDriver) -> str:
    """Cancel an order whose parcel has left, before the carrier's notification arrives."""
    driver = driver.within(return_window=SOON)
    order_id = await driver.buy(postal_code=NORMAL)
    await driver.until_shipped(order_id, CarrierShipmentStatus.DELIVERED)
    await driver.idle(order_workflow_id(order_id))
    await driver.cancel(order_id)
    await driver.hear(order_id, DELIVERED)
    return order_id


async def lost(driver: StepwiseDriver) -> str:
    """Drive an order whose parcel the carrier loses on the way to the customer."""
    order_id = await driver.buy(postal_code=LOST)
    await driver.until_shipped(order_id, CarrierShipmentStatus.LOST)
    await driver.hear(order_id, DISPATCHED, ShipmentNotificationKind.LOST)
    return order_id


@dataclass(frozen=True)
class Outcome:
    name: str
    status: OrderStatus
    most: Cost
    """The exact current cost, so that only an intended change alters it."""
    drive: Callable[[StepwiseDriver], Awaitable[str]]

    async def reach(self, driver: StepwiseDriver) -> str:
        """Drive a new order to this outcome; return its id. Raises AssertionError if it fails."""
        order_id = await self.drive(driver)
        if self.status in FINAL and (status := await driver.end(order_id)) != self.status:
            raise AssertionError(f"an order for {self.name} has ended as {status}")
        return order_id

    async def cost(self, driver: StepwiseDriver) -> Cost:
        """Drive a new order to this outcome. Raises AssertionError if it ends otherwise."""
        return await cost_of(driver.client, await self.reach(driver))


OUTCOMES: Final = (
    Outcome("delivered", OrderStatus.DELIVERED, Cost(39, 12), delivered),
    Outcome("completed", OrderStatus.COMPLETED, Cost(46, 14), completed),
    Outcome("approved", OrderStatus.COMPLETED, Cost(78, 20), approved),
    Outcome("backordered", OrderStatus.COMPLETED, Cost(56, 17), backordered),
    Outcome("dispatch_missed", OrderStatus.CANCELLED, Cost(50, 14), dispatch_missed),
    Outcome("returned_in_part", OrderStatus.DELIVERED, Cost(81, 23), returned_in_part),
    Outcome("return_lapsed", OrderStatus.DELIVERED, Cost(80, 22), return_lapsed),
    Outcome("declined_then_paid", OrderStatus.COMPLETED, Cost(74, 20), paid_again),
    Outcome("payment_window_closed", OrderStatus.CANCELLED, Cost(46, 12), payment_window_closed),
    Outcome("out_of_stock", OrderStatus.REJECTED, Cost(13, 4), out_of_stock),
    Outcome("cancelled_unpaid", OrderStatus.CANCELLED, Cost(58, 14), cancelled_before_shipment),
    Outcome("cancelled_shipment", OrderStatus.CANCELLED, Cost(47, 14), cancelled_after_shipment),
    Outcome("carrier_failed", OrderStatus.CANCELLED, Cost(39, 12), carrier_failed),
    Outcome("parcel_lost", OrderStatus.CANCELLED, Cost(57, 16), lost),
    Outcome("returned", OrderStatus.RETURNED, Cost(82, 23), returned),
    Outcome("parcel_quicker", OrderStatus.COMPLETED, Cost(59, 19), parcel_quicker),
)
