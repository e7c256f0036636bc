from __future__ import annotations

from typing import Annotated

from domain.event import Event
from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.lines import Address, OrderLine
from domain.privacy import Personal, Sealed


class OrderCreated(Event):
    order_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]
    total: Money
    payment_method: str
    shipping_address: Annotated[Address | Sealed, Personal(subject="customer_id")]
    fingerprint: str


class OrderMilestone(Event):
    """The order has come one step further on its forward way."""

    order_id: str


class OrderReserved(OrderMilestone):
    pass


class OrderAuthorized(OrderMilestone):
    pass


class OrderConfirmed(OrderMilestone):
    pass


class OrderShipped(OrderMilestone):
    pass


class OrderDelivered(OrderMilestone):
    pass


class OrderCompleted(OrderMilestone):
    pass


class OrderRejected(Event):
    order_id: str
    reason: RejectionReason
    sku: str | None


class OrderCancellationRequested(Event):
    order_id: str
    reason: CancellationReason


class OrderCancellationWithdrawn(Event):
    order_id: str


class OrderCancelled(Event):
    order_id: str
    reason: CancellationReason


OrderEvent = (
    OrderCreated
    | OrderReserved
    | OrderAuthorized
    | OrderConfirmed
    | OrderShipped
    | OrderDelivered
    | OrderCompleted
    | OrderRejected
    | OrderCancellationRequested
    | OrderCancellationWithdrawn
    | OrderCancelled
)
