"""Make the changes that count a fact in each span of time that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from projections.analytics.durations import bucket_of
from projections.analytics.spans import Span, floor
from projections.analytics.tables import (
    analytics_breakdown,
    analytics_duration,
    analytics_total,
)
from projections.change import Change, Plus, upsert

TOTAL_SPANS: Final = (Span.DAY, Span.HOUR, Span.QUARTER_HOUR)
"""A year has 366 days, and a day in any zone is made up of hours and quarters of an hour."""

DETAIL_SPANS: Final = (Span.MONTH, Span.DAY, Span.QUARTER_HOUR)
"""A day has a row for each product, so that a year of products is read by months."""

NO_CURRENCY: Final = ""

MAX_VALUE: Final = 200
"""The characters of a value that are kept: a provider's code may be of any length."""


class Breakdown(StrEnum):
    CANCELLATION = "CANCELLATION"
    REJECTION = "REJECTION"
    DECLINE = "DECLINE"
    PRODUCT = "PRODUCT"


class Lasting(StrEnum):
    """What lasts: a saga, by its outcome, or the wait of a backorder."""

    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    BACKORDER = "BACKORDER"


def total(at: datetime, currency: str, **counts: int) -> Iterator[Change]:
    """Add to the figures of this time."""
    for span in TOTAL_SPANS:
        key = (span.value, floor(at.astimezone(UTC), span), currency)
        added = {name: Plus(number) for name, number in counts.items()}
        yield upsert(analytics_total, key, **added)


def detail(  # noqa: PLR0913 - the columns of the row
    kind: Breakdown, at: datetime, currency: str, value: str, *, count: int = 1, amount: int = 0
) -> Iterator[Change]:
    """Add to the part of the figures that one value has, such as a reason."""
    for span in DETAIL_SPANS:
        start = floor(at.astimezone(UTC), span)
        key = (span.value, kind.value, start, currency, value[:MAX_VALUE])
        yield upsert(analytics_breakdown, key, count=Plus(count), amount=Plus(amount))


def lasted(kind: Lasting, at: datetime, currency: str, duration: timedelta) -> Iterator[Change]:
    """Count a duration that ended at this time."""
    for span in DETAIL_SPANS:
        start = floor(at.astimezone(UTC), span)
        key = (span.value, kind.value, start, currency, bucket_of(duration))
        yield upsert(analytics_duration, key, count=Plus(1))
