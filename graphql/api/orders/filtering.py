"""Check the filter of a list of orders, and limit it to the orders that the viewer may see."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from api.auth import Viewer
from api.errors import bad_input, forbidden
from api.orders.inputs import OrderFilter, TimeRangeInput, TotalRangeInput
from api.orders.references import wanted_metadata, wanted_reference
from domain.identifiers import is_identifier
from domain.money import Currency
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.contact_rules import email_of
from eventstore.privacy.search_key import SearchKey
from queries.order_filter import OrderFilter as Wanted
from queries.order_filter import TotalRange
from queries.order_sort import OrderOrder

STAFF_ONLY: Final = {
    "needs_attention": "needsAttention",
    "email": "email",
    "payment_reference": "paymentReference",
    "waiting_for": "waitingFor",
    "waiting_since": "waitingSince",
}
"""The fields that search for facts which customers do not see."""

REASONS: Final = (*CancellationReason, *RejectionReason)
MAX_TEXT: Final = 200
_currency: Final = TypeAdapter(Currency)


def wanted_orders(
    given: OrderFilter, order: OrderOrder, viewer: Viewer, search_key: SearchKey
) -> Wanted:
    """Return the search. Raises FORBIDDEN, and BAD_USER_INPUT, which names the field."""
    _check_access(given, viewer)
    placed_from, placed_before = _times(given.placed_at)
    _check_waits(given)
    if order.is_by_total and given.total is None:
        raise bad_input("orderBy: totals are sorted in one currency: pass filter.total.currency")
    return Wanted(
        customer_id=_id("customerId", given.customer_id) if viewer.is_staff else viewer.sub,
        statuses=given.status,
        reference=wanted_reference(given.reference),
        metadata=wanted_metadata(given.metadata),
        sku=_id("sku", given.sku),
        placed_from=placed_from,
        placed_before=placed_before,
        total=None if given.total is None else _total(given.total),
        reasons=_reasons(given.reason),
        return_requested=given.return_requested,
        backordered=given.backordered,
        needs_attention=given.needs_attention,
        tracking_number=_text("trackingNumber", given.tracking_number),
        payment_reference=_text("paymentReference", given.payment_reference),
        email_digest=_email_digest(given.email, search_key),
        waiting_for=given.waiting_for and frozenset(given.waiting_for),
        waiting_since=given.waiting_since,
    )


def _check_access(given: OrderFilter, viewer: Viewer) -> None:
    if viewer.is_staff:
        return
    for name, shown in STAFF_ONLY.items():
        if getattr(given, name) is not None:
            raise forbidden(f"filter.{shown} is for operators: leave it out")
    if given.customer_id not in {None, viewer.sub}:
        raise forbidden("filter.customerId is for operators: leave it out")


def _check_waits(given: OrderFilter) -> None:
    if given.waiting_for is not None and not given.waiting_for:
        raise bad_input("filter.waitingFor: name at least one, or leave it out")
    if given.waiting_since is not None:
        if given.waiting_for is None:
            raise bad_input("filter.waitingSince: pass filter.waitingFor too")
        _zoned("waitingSince", given.waiting_since)


def _times(given: TimeRangeInput | None) -> tuple[datetime | None, datetime | None]:
    if given is None:
        return None, None
    start = None if given.from_ is None else _zoned("placedAt.from", given.from_)
    end = None if given.to is None else _zoned("placedAt.to", given.to)
    if start is None and end is None:
        raise bad_input("filter.placedAt: pass from or to")
    if start is not None and end is not None and start >= end:
        raise bad_input("filter.placedAt: from must be before to")
    return start, end


def _zoned(field: str, time: datetime) -> datetime:
    if time.tzinfo is None:
        raise bad_input(f"filter.{field}: the time needs a time zone: append Z, or an offset")
    return time


def _total(given: TotalRangeInput) -> TotalRange:
    try:
        _currency.validate_python(given.currency)
    except ValidationError:
        raise bad_input("filter.total.currency: pass a code of ISO 4217, such as EUR") from None
    if given.min is not None and given.max is not None and given.min > given.max:
        raise bad_input("filter.total: min must not be above max")
    return TotalRange(given.currency, given.min, given.max)


def _reasons(given: Collection[str] | None) -> Collection[str] | None:
    for unknown in (each for each in given or () if each not in REASONS):
        near = difflib.get_close_matches(unknown, REASONS, n=len(REASONS), cutoff=0.5)
        raise bad_input(f"filter.reason: unknown; the reasons are {', '.join(near or REASONS)}")
    return given


def _id(field: str, text: str | None) -> str | None:
    if text is not None and not is_identifier(text):
        raise bad_input(f"filter.{field}: this can be no id")
    return text


def _email_digest(email: str | None, search_key: SearchKey) -> str | None:
    try:
        return None if email is None else search_key.email_digest(email_of(email.strip()))
    except ValueError as error:
        raise bad_input(f"filter.email: {error}") from None


def _text(field: str, text: str | None) -> str | None:
    if text is not None and not (text.isprintable() and 1 <= len(text) <= MAX_TEXT):
        raise bad_input(f"filter.{field}: pass one line of 1 to {MAX_TEXT} characters")
    return text
