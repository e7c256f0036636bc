from __future__ import annotations

from datetime import datetime

import strawberry

from api.money import MoneyInput
from api.orders.references import MetadataEntryInput
from api.scalars import Long
from domain.order.state import OrderStatus
from queries.order_waits import WaitingFor


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
    shipping_address: AddressInput
    payment_method: str | None = strawberry.field(
        default=None,
        description="A provider's token: pm_card_visa. Required unless the total is 0.",
    )
    contact: ContactInput | None = None
    expected_total: MoneyInput | None = strawberry.field(
        default=None,
        description="If it differs from the total, the answer is PRICE_CHANGED and no order is "
        "placed. An order with a total of 0 needs it.",
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


@strawberry.input(description="The time from `from` on, before `to`. Both need a time zone.")
class TimeRangeInput:
    from_: datetime | None = strawberry.field(default=None, name="from")
    to: datetime | None = None


@strawberry.input(description="Amounts in the currency's minor unit, both bounds included.")
class TotalRangeInput:
    currency: str = strawberry.field(description="An ISO 4217 alphabetic code.")
    min: Long | None = None
    max: Long | None = None


@strawberry.input(description="All of the conditions apply. Customers find their own orders only.")
class OrderFilter:
    status: list[OrderStatus] | None = None
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For operators. Customers always see only their own orders."
    )
    reference: str | None = strawberry.field(default=None, description="The whole reference.")
    metadata: MetadataEntryInput | None = strawberry.field(
        default=None, description="An entry that the orders have."
    )
    sku: strawberry.ID | None = strawberry.field(
        default=None, description="The SKU of one of the order's lines."
    )
    placed_at: TimeRangeInput | None = None
    total: TotalRangeInput | None = None
    reason: list[str] | None = strawberry.field(
        default=None, description="Reasons for a rejection or cancellation; one of them applies."
    )
    return_requested: bool | None = None
    backordered: bool | None = None
    tracking_number: str | None = strawberry.field(
        default=None, description="The whole tracking number of the carrier."
    )
    needs_attention: bool | None = strawberry.field(default=None, description="For operators.")
    payment_reference: str | None = strawberry.field(
        default=None,
        description="For operators: the payment provider's whole reference of the latest attempt.",
    )
    email: str | None = strawberry.field(
        default=None,
        description="For operators: the customer's e-mail address as the order's contact names it, "
        "in any case. An order is found soon after it is placed, until the customer is erased.",
    )
    waiting_for: list[WaitingFor] | None = strawberry.field(
        default=None,
        description="For operators: the order waits for one of these, as `OrderWait` explains.",
    )
    waiting_since: datetime | None = strawberry.field(
        default=None,
        description="For operators: the order has waited for one of `waitingFor` since this time or"
        " before. See `OrderWait.since`.",
    )
