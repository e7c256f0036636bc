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
from benchmarks.saga.driver import (
    ACTOR,
    Desk,
)
from domain.ids import order_workflow_id, payment_workflow_id, return_workflow_id
from domain.inventory.commands import ReceiveStock
from domain.order.lines import ReturnedLine
from domain.order.state import FINAL, OrderStatus
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from providers.carrier import CarrierShipmentStatus
from providers.carrier_simulator.routes import LOST, NEVER_COMES_BACK, NORMAL, REFUSED
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA

DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
SOON: Final = timedelta(seconds=2)
"""Longer than any running step, and short enough to wait for."""


async def delivered(desk: Desk) -> str:
    """Drive an order to its delivery. Its return window is open."""
    order_id = await desk.place()
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    await desk.idle(order_workflow_id(order_id))
    return order_id


async def completed(desk: Desk) -> str:
    return await delivered(desk.with_deadlines(return_window=SOON))


async def paid_again(desk: Desk) -> str:
    """Drive an order whose payment is declined and then succeeds with another method."""
    desk = desk.with_deadlines(return_window=SOON)
    order_id = await desk.place(method=DECLINED)
    await desk.idle(payment_workflow_id(order_id))
    await desk.orchestrator.retry_payment(
        order_id, VISA, idempotency_key=uuid.uuid4().hex, actor=ACTOR
    )
    await desk.closed(payment_workflow_id(order_id))
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def approved(desk: Desk) -> str:
    """Drive an order whose customer approves the payment by 3-D Secure."""
    desk = desk.with_deadlines(return_window=SOON)
    order_id = await desk.place(method=APPROVAL)
    await desk.idle(payment_workflow_id(order_id))
    await desk.approve(order_id)
    await desk.closed(payment_workflow_id(order_id))
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def payment_window_closed(desk: Desk) -> str:
    return await desk.with_deadlines(payment_window=SOON).place(method=DECLINED)


async def out_of_stock(desk: Desk) -> str:
    return await desk.place(desk.sold_out)


async def backordered(desk: Desk) -> str:
    desk, sku = desk.with_deadlines(return_window=SOON), f"short-{uuid.uuid4().hex}"
    order_id = await desk.place(sku, backorder=True)
    await desk.idle(order_workflow_id(order_id))
    receipt = ReceiveStock(aggregate_id=sku, quantity=1)
    await desk.orchestrator.execute(receipt, idempotency_key=sku, actor=ACTOR)
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def cancelled_before_shipment(desk: Desk) -> str:
    """Cancel an order that waits for its payment."""
    order_id = await desk.place(method=DECLINED)
    await desk.idle(payment_workflow_id(order_id))
    await desk.cancel(order_id)
    return order_id


async def cancelled_after_shipment(desk: Desk) -> str:
    """Cancel an order that waits for the carrier to collect the parcel."""
    order_id = await desk.place()
    await desk.idle(order_workflow_id(order_id))
    await desk.cancel(order_id)
    return order_id


async def carrier_failed(desk: Desk) -> str:
    return await desk.place(postal_code=REFUSED)


async def dispatch_missed(desk: Desk) -> str:
    return await desk.with_deadlines(dispatch=SOON).place()


async def returned(desk: Desk) -> str:
    order_id = await desk.arrived()
    await desk.send_back(order_id)
    await desk.orchestrator.handle_event(
        ShipmentNotification(order_id, ShipmentNotificationKind.RETURNED)
    )
    return order_id


async def returned_in_part(desk: Desk) -> str:
    """Return one of two lines. The return window is still open."""
    other = f"other-{uuid.uuid4().hex}"
    receipt = ReceiveStock(aggregate_id=other, quantity=1)
    await desk.orchestrator.execute(receipt, idempotency_key=other, actor=ACTOR)
    order_id = await desk.arrived(desk.sku, other)
    await desk.send_back(order_id, ReturnedLine(sku=other, quantity=1))
    await desk.orchestrator.handle_event(
        ShipmentNotification(order_id, ShipmentNotificationKind.RETURNED)
    )
    await desk.closed(return_workflow_id(order_id))
    await desk.idle(order_workflow_id(order_id))
    return order_id


async def return_lapsed(desk: Desk) -> str:
    """Let the deadline of a return pass. The return window is still open."""
    order_id = await desk.with_deadlines(return_delivery=SOON).arrived(postal_code=NEVER_COMES_BACK)
    await desk.send_back(order_id)
    await desk.closed(return_workflow_id(order_id))
    await desk.idle(order_workflow_id(order_id))
    return order_id


async def parcel_quicker(desk: Desk) -> str:
    """Cancel an order whose parcel has left, before the carrier's notification arrives."""
    desk = desk.with_deadlines(return_window=SOON)
    order_id = await desk.place(postal_code=NORMAL)
    await desk.until_shipped(order_id, CarrierShipmentStatus.DELIVERED)
    await desk.idle(order_workflow_id(order_id))
    await desk.cancel(order_id)
    await desk.hear(order_id, DELIVERED)
    return order_id


async def lost(desk: Desk) -> str:
    """Drive an order whose parcel the carrier loses on the way to the customer."""
    order_id = await desk.place(postal_code=LOST)
    await desk.until_shipped(order_id, CarrierShipmentStatus.LOST)
    await desk.hear(order_id, DISPATCHED, ShipmentNotificationKind.LOST)
    return order_id


@dataclass(frozen=True)
class Outcome:
    name: str
    status: OrderStatus
    most: Cost
    """The exact current cost, so that only an intended change alters it."""
    drive: Callable[[Desk], Awaitable[str]]

    async def cost(self, desk: Desk) -> Cost:
        """Drive a new order to this outcome. Raises AssertionError if it ends otherwise."""
        order_id = await self.drive(desk)
        if self.status in FINAL and (status := await desk.end(order_id)) != self.status:
            raise AssertionError(f"an order for {self.name} has ended as {status}")
        return await cost_of(desk.client, order_id)


OUTCOMES: Final = (
    Outcome("delivered", OrderStatus.DELIVERED, Cost(40, 12), delivered),
    Outcome("completed", OrderStatus.COMPLETED, Cost(47, 14), completed),
    Outcome("approved", OrderStatus.COMPLETED, Cost(79, 20), approved),
    Outcome("backordered", OrderStatus.COMPLETED, Cost(56, 17), backordered),
    Outcome("dispatch_missed", OrderStatus.CANCELLED, Cost(51, 14), dispatch_missed),
    Outcome("returned_in_part", OrderStatus.DELIVERED, Cost(82, 23), returned_in_part),
    Outcome("return_lapsed", OrderStatus.DELIVERED, Cost(81, 22), return_lapsed),
    Outcome("declined_then_paid", OrderStatus.COMPLETED, Cost(75, 20), paid_again),
    Outcome("payment_window_closed", OrderStatus.CANCELLED, Cost(47, 12), payment_window_closed),
    Outcome("out_of_stock", OrderStatus.REJECTED, Cost(13, 4), out_of_stock),
    Outcome("cancelled_unpaid", OrderStatus.CANCELLED, Cost(59, 14), cancelled_before_shipment),
    Outcome("cancelled_shipment", OrderStatus.CANCELLED, Cost(48, 14), cancelled_after_shipment),
    Outcome("carrier_failed", OrderStatus.CANCELLED, Cost(40, 12), carrier_failed),
    Outcome("parcel_lost", OrderStatus.CANCELLED, Cost(58, 16), lost),
    Outcome("returned", OrderStatus.RETURNED, Cost(83, 23), returned),
    Outcome("parcel_quicker", OrderStatus.COMPLETED, Cost(60, 19), parcel_quicker),
)
