from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.money import NO_MONEY, Money
from domain.order import events as e
from domain.order.commands import CancellationReason
from domain.order.lines import OrderLine


class OrderStatus(StrEnum):
    PLACED = "PLACED"
    RESERVED = "RESERVED"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMED = "CONFIRMED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


FORWARD = (
    OrderStatus.PLACED,
    OrderStatus.RESERVED,
    OrderStatus.AUTHORIZED,
    OrderStatus.CONFIRMED,
    OrderStatus.SHIPPED,
    OrderStatus.DELIVERED,
    OrderStatus.COMPLETED,
)
"""The way of an order that nothing goes wrong with, in order."""

CANCELLABLE = frozenset(FORWARD[: FORWARD.index(OrderStatus.SHIPPED)])
FINAL = frozenset({OrderStatus.COMPLETED, OrderStatus.REJECTED, OrderStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class OrderState:
    """`status` is None for an order that does not exist."""

    status: OrderStatus | None = None
    customer_id: str = ""
    fingerprint: str = ""
    lines: tuple[OrderLine, ...] = ()
    total: Money = NO_MONEY
    payment_method: str = ""
    cancellation: CancellationReason | None = None

    def has_reached(self, status: OrderStatus) -> bool:
        """Whether the order stands at or beyond this status on the forward way."""
        return self.status in FORWARD[FORWARD.index(status) :]


_STATUS_AFTER: dict[type[e.OrderEvent], OrderStatus] = {
    e.OrderCreated: OrderStatus.PLACED,
    e.OrderReserved: OrderStatus.RESERVED,
    e.OrderAuthorized: OrderStatus.AUTHORIZED,
    e.OrderConfirmed: OrderStatus.CONFIRMED,
    e.OrderShipped: OrderStatus.SHIPPED,
    e.OrderDelivered: OrderStatus.DELIVERED,
    e.OrderCompleted: OrderStatus.COMPLETED,
    e.OrderRejected: OrderStatus.REJECTED,
    e.OrderCancellationRequested: OrderStatus.CANCELLING,
    e.OrderCancellationWithdrawn: OrderStatus.CONFIRMED,
    e.OrderCancelled: OrderStatus.CANCELLED,
}


def status_after(event: e.OrderEvent) -> OrderStatus:
    """The status an order has once this has happened to it."""
    return _STATUS_AFTER[type(event)]


def evolve(state: OrderState, event: e.OrderEvent) -> OrderState:
    match event:
        case e.OrderCreated():
            return OrderState(
                status=OrderStatus.PLACED,
                customer_id=event.customer_id,
                fingerprint=event.fingerprint,
                lines=event.lines,
                total=event.total,
                payment_method=event.payment_method,
            )
        case e.OrderCancellationRequested():
            return replace(state, status=OrderStatus.CANCELLING, cancellation=event.reason)
        case e.OrderCancellationWithdrawn():
            return replace(state, status=OrderStatus.CONFIRMED, cancellation=None)
        case _:
            return replace(state, status=status_after(event))
