from __future__ import annotations

import strawberry

from api.money import MoneyInput
from api.orders.references import MetadataEntryInput
from domain.order.state import OrderStatus


@strawberry.input
class OrderLineInput:
    sku: strawberry.ID
    quantity: int


@strawberry.input
class AddressInput:
    name: str
    street: str
    city: str
    country: str = strawberry.field(description="ISO 3166-1 alpha-2, upper case.")
    postal_code: str | None = strawberry.field(
        default=None, description="Required where the country has postal codes."
    )
    line2: str | None = strawberry.field(
        default=None, description="More of the street's line: the flat, the floor or the building."
    )
    region: str | None = strawberry.field(
        default=None,
        description="The state, province or prefecture. Required where addresses name one.",
    )
    company: str | None = None
    phone: str | None = strawberry.field(
        default=None,
        description="The recipient's number, international or as the country dials it.",
    )


@strawberry.input(description="How to reach the customer. Each field may be left out.")
class ContactInput:
    email: str | None = None
    phone: str | None = strawberry.field(
        default=None,
        description="An international number, or one of the shipping address's country.",
    )
    locale: str | None = strawberry.field(
        default=None, description="A language tag of BCP 47: de-CH."
    )
    time_zone: str | None = strawberry.field(
        default=None, description="A name of the IANA time zone database: Europe/Zurich."
    )


@strawberry.input
class PlaceOrderInput:
    idempotency_key: str = strawberry.field(
        description="Your key, new for each new order. A repeated key returns the first answer."
    )
    lines: list[OrderLineInput] = strawberry.field(description="The catalogue defines the prices.")
    payment_method: str = strawberry.field(description="A provider's token: pm_card_visa.")
    shipping_address: AddressInput
    contact: ContactInput | None = None
    expected_total: MoneyInput | None = strawberry.field(
        default=None,
        description="If it differs from the total, the answer is PRICE_CHANGED and no order is "
        "placed.",
    )
    backorder: bool = strawberry.field(
        default=False,
        description="Wait for stock that is short instead of rejecting the order.",
    )
    reference: str | None = strawberry.field(
        default=None,
        description="Your own name for the order: one line of at most 100 characters. Searchable, "
        "and not encrypted: do not write personal data here.",
    )
    metadata: list[MetadataEntryInput] | None = strawberry.field(
        default=None, description="Your own facts about the order: at most 20 entries."
    )
    discount_code: str | None = strawberry.field(
        default=None, description="A code of the shop that reduces the price of the lines."
    )


@strawberry.input
class CancelOrderInput:
    idempotency_key: str
    order_id: strawberry.ID


@strawberry.input
class RequestReturnInput:
    idempotency_key: str
    order_id: strawberry.ID
    lines: list[OrderLineInput] | None = strawberry.field(
        default=None, description="The lines to return; without it, all lines."
    )


@strawberry.input
class OrderFilter:
    status: list[OrderStatus] | None = None
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For operators. Customers always see only their own orders."
    )
    reference: str | None = strawberry.field(default=None, description="The whole reference.")
    metadata: MetadataEntryInput | None = strawberry.field(
        default=None, description="An entry that the orders have."
    )
