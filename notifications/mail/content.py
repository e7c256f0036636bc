"""The content of a mail: the facts of an order in the language of its customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.event import Event
from domain.order.events import (
    OrderCancelled,
    OrderCreated,
    OrderRefundEnded,
    OrderRejected,
    OrderReturned,
)
from domain.order.price import Price
from domain.payment.events import PaymentPending
from domain.shipping.events import TrackingNumberAssigned
from notifications.facts import Notice
from notifications.mail.language import Language

_WEB: Final = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Facts:
    """The events that a mail is about."""

    kind: Notice
    created: OrderCreated
    placed_at: datetime
    event: Event
    recorded_at: datetime
    tracking: TrackingNumberAssigned | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A notice as people read it, in one language."""

    subject: str
    title: str
    paragraphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Amount:
    label: str
    amount: str


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    quantity: int
    amount: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the templates show. All of it is text, which the template of HTML escapes."""

    language: str
    subject: str
    title: str
    paragraphs: Sequence[str]
    links: Sequence[Link]
    heading: str
    items: Sequence[Item]
    sums: Sequence[Amount]
    footer: str
    unsubscribe: Link


def content_of(
    facts: Facts, language: Language, time_zone: str | None, unsubscribe_url: str
) -> Content:
    labels, wording = language.labels, wording_of(facts, language, time_zone)
    created, price = facts.created, facts.created.price
    values = _values(facts, language, zone_of(time_zone))
    return Content(
        language=language.tag,
        subject=wording.subject,
        title=wording.title,
        paragraphs=wording.paragraphs,
        links=[Link(one_line(label), url) for label, url in _links(facts, labels)],
        heading=labels["order"].format_map(values),
        items=[
            Item(one_line(line.name), line.quantity, language.amount(line.total, price.currency))
            for line in created.lines
        ],
        sums=[
            Amount(labels[name], language.amount(amount, price.currency))
            for name, amount in _sums(price)
        ],
        footer=labels["footer"],
        unsubscribe=Link(labels["unsubscribe"], unsubscribe_url),
    )


def wording_of(facts: Facts, language: Language, time_zone: str | None) -> Wording:
    texts, values = language.notices[facts.kind], _values(facts, language, zone_of(time_zone))
    return Wording(
        subject=texts.subject.format_map(values),
        title=texts.title,
        paragraphs=[line.format_map(values) for line in _paragraphs(facts, language)],
    )


def zone_of(name: str | None) -> tzinfo:
    """Return the customer's time zone, or UTC: a stored name may have been given up since."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _values(facts: Facts, language: Language, zone: tzinfo) -> Mapping[str, str]:
    event, tracking = facts.event, facts.tracking
    until = facts.recorded_at + facts.created.promises.return_window
    values = {
        "number": facts.created.number,
        "placed": language.day(facts.placed_at.astimezone(zone)),
        "until": language.day(until.astimezone(zone)),
        "tracking": "" if tracking is None else one_line(tracking.tracking_number),
    }
    if isinstance(event, OrderCancelled | OrderRejected):
        values["reason"] = language.reasons[event.reason]
    if isinstance(event, OrderReturned):
        values["refund"] = language.amount(event.refunded.amount, event.refunded.currency)
    if isinstance(event, OrderRefundEnded):
        values["refund"] = language.amount(event.refunded.amount, event.refunded.currency)
    return values


def _paragraphs(facts: Facts, language: Language) -> Iterator[str]:
    texts = language.notices[facts.kind]
    match facts.event:
        case OrderReturned() as returned if not returned.refund.total:
            yield from texts.unpaid
        case OrderReturned() as returned if not returned.refunded.amount:
            yield from texts.settled
        case _:
            yield from texts.text
    if facts.kind is Notice.DELIVERED and facts.created.promises.return_window:
        yield texts.return_until
    if facts.kind is Notice.SHIPPED and facts.tracking is not None:
        yield language.labels["tracking_number"]


def _links(facts: Facts, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the links to pages of the web; a client could run an address of another kind."""
    url, label = None, ""
    if isinstance(facts.event, PaymentPending):
        url, label = facts.event.action_url, labels["pay"]
    if facts.kind is Notice.SHIPPED and facts.tracking is not None:
        url, label = facts.tracking.tracking_url, labels["track"]
    if url is not None and url.startswith(_WEB) and one_line(url) == url:
        yield label, url


def _sums(price: Price) -> Iterator[tuple[str, int]]:
    if price.discount:
        yield "discount", -price.discount
    for name, amount in (("shipping", price.shipping), ("tax", price.tax)):
        if amount:
            yield name, amount
    yield "total", price.total
