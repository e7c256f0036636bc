"""Build orders without a saga: events are appended through the real store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from domain.event import Event
from domain.inventory.events import StockReceived
from domain.money import Money
from domain.order.contact import Contact
from domain.order.events import OrderCreated
from domain.order.lines import Address, OrderLine
from domain.order.number import order_number
from domain.order.price import Price
from domain.product.events import ProductListed
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.protocol import EventStore
from eventstore.versions import ANY
from tests.support.order_parts import PROMISES, a_line

ADDRESS = Address(
    name="Ada",
    company="Byron Ltd",
    street="1 Mill Lane",
    line2="Flat 3",
    city="Bath",
    region="Somerset",
    postal_code="BA1 1AA",
    country="GB",
    phone="+441225477101",
)
CONTACT = Contact(
    email="ada@byron.example.org", phone="+442079460958", locale="en-GB", time_zone="Europe/London"
)


class OrderLog:
    """Append orders in given states. `with_order` and its like return the last position."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    async def append(self, stream_id: str, *events: Event) -> int:
        metadata = EventMetadata(correlation_id=stream_id)
        new = [NewEvent(uuid4(), event, metadata) for event in events]
        return (await self.store.save_events(stream_id, new, ANY)).last_position

    async def list_product(
        self, sku: str, *, name: str = "A thing", price: int = 250, currency: str = "EUR"
    ) -> int:
        listed = ProductListed(sku=sku, name=name, price=Money(amount=price, currency=currency))
        return await self.append(f"product-{sku}", listed)

    async def receive(self, sku: str, quantity: int) -> int:
        return await self.append(f"inventory-{sku}", StockReceived(sku=sku, quantity=quantity))

    async def place(
        self,
        order_id: str,
        *,
        customer_id: str = "ada",
        lines: Sequence[OrderLine] = (a_line("mug", quantity=2, unit_price=250),),
        fingerprint: str = "f",
        contact: Contact | None = CONTACT,
        **facts: Any,  # noqa: ANN401 - any field of the event
    ) -> int:
        created = OrderCreated(
            order_id=order_id,
            customer_id=customer_id,
            lines=tuple(lines),
            payment_method="pm_card_visa",
            shipping_address=ADDRESS,
            contact=contact,
            fingerprint=fingerprint,
            promises=PROMISES,
            **{"number": order_number(order_id, 0), "price": Price.of(lines, "EUR"), **facts},
        )
        return await self.append(f"order-{order_id}", created)
