"""Orders of customers with addresses of their own, and the events that they go through."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from domain.event import Event
from domain.order.contact import Contact
from domain.order.events import OrderDelivered, OrderShipped
from tests.support.order_log import OrderLog


@dataclass(frozen=True)
class Customer:
    id: str = field(default_factory=lambda: f"c-{uuid4().hex}")

    @property
    def email(self) -> str:
        return f"{self.id}@byron.example.org"

    @property
    def contact(self) -> Contact:
        return Contact(email=self.email, locale="en-GB", time_zone="Europe/London")


async def place(log: OrderLog, customer: Customer, contact: Contact | None = None) -> str:
    """Place an order with the customer's own contact, or this one; return its id."""
    order_id = str(uuid4())
    given = contact or customer.contact
    await log.place(order_id, customer_id=customer.id, contact=given)
    return order_id


async def happens(log: OrderLog, order_id: str, *events: Event) -> int:
    return await log.append(f"order-{order_id}", *events)


async def deliver(log: OrderLog, order_id: str) -> None:
    await happens(log, order_id, OrderShipped(order_id=order_id))
    await happens(log, order_id, OrderDelivered(order_id=order_id))
