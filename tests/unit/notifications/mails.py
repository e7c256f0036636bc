"""The content of a mail, from events that a test chooses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Any, Final
from uuid import UUID

from domain.event import Event
from domain.inventory.events import BackorderQueued
from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.events import (
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderRefundEnded,
    OrderRejected,
    OrderReturned,
    OrderReturnLapsed,
    OrderShipped,
)
from domain.order.price import Price
from domain.payment.events import PaymentPending
from domain.saga.events import SagaParked
from domain.shipping.events import TrackingNumberAssigned
from notifications.facts import Notice
from notifications.mail.content import Content, Facts, content_of
from notifications.mail.language import language_of
from notifications.mail.message import Letter, letter
from tests.support.order_log import ADDRESS
from tests.support.order_parts import PROMISES, a_line

ID: Final = UUID("11111111-2222-5333-8444-555555555555")
URL: Final = "https://shop.example/unsubscribe/" + "a" * 64 + "." + "b" * 64
SENDER: Final = Address(display_name="Shop", username="orders", domain="shop.example")
PLACED_AT: Final = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
LINES: Final = (
    a_line("cup", quantity=2, unit_price=450, discount=90, tax=154),
    a_line("pot", quantity=1, unit_price=123_400, discount=0, tax=359),
)
PRICE: Final = Price(
    currency="EUR",
    lines=124_300,
    discount=90,
    shipping=490,
    tax=606,
    shipping_tax=93,
    total=125_306,
)
TRACKING: Final = TrackingNumberAssigned(
    order_id="o-1",
    tracking_number="WB000000001GB",
    carrier="Parcels",
    tracking_url="https://parcels.example/track/WB000000001GB",
)
EVENTS: Final[dict[Notice, Event]] = {
    Notice.PAYMENT_NEEDED: PaymentPending(
        order_id="o-1", attempt=1, reference="pi_1", action_url="https://bank.example/3ds?a=1&b=2"
    ),
    Notice.WAITING_FOR_STOCK: BackorderQueued(
        sku="cup", order_id="o-1", quantity=2, since=PLACED_AT
    ),
    Notice.SHIPPED: OrderShipped(order_id="o-1"),
    Notice.DELIVERED: OrderDelivered(order_id="o-1"),
    Notice.CANCELLED: OrderCancelled(order_id="o-1", reason=CancellationReason.PARCEL_LOST),
    Notice.REJECTED: OrderRejected(order_id="o-1", reason=RejectionReason.OUT_OF_STOCK, sku="cup"),
    Notice.RETURNED: OrderReturned(
        order_id="o-1", lines=(), refund=PRICE, refunded=PRICE.money, is_whole=True
    ),
    Notice.RETURN_LAPSED: OrderReturnLapsed(order_id="o-1"),
    Notice.REFUNDED: OrderRefundEnded(
        order_id="o-1", refund=1, refunded=Money(amount=500, currency="EUR")
    ),
    Notice.REFUND_FAILED: SagaParked(
        order_id="o-1",
        step="refund",
        undoing=False,
        parking=1,
        code="PROVIDER_REFUSED",
        message="refused",
        workflow_id="return-o-1",
    ),
}


def created(**facts: Any) -> OrderCreated:  # noqa: ANN401 - any field of the event
    given = {
        "order_id": "o-1",
        "customer_id": "ada",
        "lines": LINES,
        "price": PRICE,
        "payment_method": "pm_card_visa",
        "shipping_address": ADDRESS,
        "fingerprint": "f",
        "number": "W-T577QY46AH",
        "promises": PROMISES,
        **facts,
    }
    return OrderCreated.model_validate(given)


def facts_of(kind: Notice, **facts: Any) -> Facts:  # noqa: ANN401 - any field of the event
    order = created(**facts)
    return Facts(
        kind,
        order,
        PLACED_AT,
        EVENTS.get(kind, order),
        PLACED_AT + timedelta(days=3),
        TRACKING if kind is Notice.SHIPPED else None,
    )


def content(
    kind: Notice,
    locale: str | None = "en",
    time_zone: str | None = None,
    **facts: Any,  # noqa: ANN401 - any field of the event
) -> Content:
    return content_of(facts_of(kind, **facts), language_of(locale), time_zone, URL)


def mail(made: Content, email: str = "ada@example.com") -> Letter:
    return letter(made, email, SENDER, ID)


def parsed(sent: Letter) -> EmailMessage:
    return message_from_bytes(sent.message, policy=SMTPUTF8)


def text_of(message: EmailMessage, subtype: str = "plain") -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")
