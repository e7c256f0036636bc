"""One order, its parts and the input that a client sent for it."""

from __future__ import annotations

from typing import Final

from domain.money import Money
from domain.order.commands import PlaceOrder
from domain.order.contact import Contact
from domain.order.events import OrderCreated
from domain.order.lines import Address, ReturnedLine
from domain.order.price import Price
from tests.support.order_parts import PROMISES, a_line

ORDER_ID: Final = "order-of-ada"
ADDRESS: Final = Address(
    name="Ada Example", street="1 Sample Street", city="Testham", postal_code="00001", country="GB"
)
CONTACT: Final = Contact(
    email="ada@example.com", phone="+442079460958", locale="en-GB", time_zone="Europe/London"
)
LINES: Final = (
    a_line("cup", quantity=2, unit_price=450),
    a_line("pot", quantity=1, unit_price=2_100),
)
EVERYTHING: Final = (ReturnedLine(sku="cup", quantity=2), ReturnedLine(sku="pot", quantity=1))
PRICE: Final = Price(currency="EUR", lines=3_000, total=3_000)
TOTAL: Final = Money(amount=3_000, currency="EUR")

PLACE: Final = PlaceOrder(
    aggregate_id=ORDER_ID,
    customer_id="ada",
    lines=LINES,
    price=PRICE,
    payment_method="pm_card_visa",
    shipping_address=ADDRESS,
    contact=CONTACT,
    fingerprint="fingerprint-1",
    promises=PROMISES,
)
CREATED: Final = OrderCreated(
    order_id=ORDER_ID,
    customer_id="ada",
    lines=LINES,
    price=PRICE,
    payment_method="pm_card_visa",
    shipping_address=ADDRESS,
    contact=CONTACT,
    fingerprint="fingerprint-1",
    promises=PROMISES,
    number="W-NZCPARBRQ5",
)
