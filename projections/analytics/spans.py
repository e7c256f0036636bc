"""The spans of time for which rows are kept, in UTC, and how few of them make up a range.

The offsets of all time zones have been multiples of 15 minutes since 1972. So quarters of an hour
make up the days of every zone. The longer spans keep a long range cheap: it reads whole months or
days, and quarters of an hour at its edges alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, NamedTuple


class Span(IntEnum):
    """The numbers are stored."""

    QUARTER_HOUR = 0
    HOUR = 1
    DAY = 2
    MONTH = 3


class Piece(NamedTuple):
    """The whole spans of one kind from `start` to before `end`, to be added or subtracted."""

    span: Span
    start: datetime
    end: datetime
    sign: int = 1


MIN_STEP: Final = timedelta(minutes=15)


def floor(at: datetime, span: Span) -> datetime:
    """Return the start of the span that holds this time, which is in UTC."""
    match span:
        case Span.QUARTER_HOUR:
            return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
        case Span.HOUR:
            return at.replace(minute=0, second=0, microsecond=0)
        case Span.DAY:
            return at.replace(hour=0, minute=0, second=0, microsecond=0)
        case Span.MONTH:
            return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def ceiling(at: datetime, span: Span) -> datetime:
    """Return the first start of a span that is not before this time."""
    start = floor(at, span)
    if start == at:
        return at
    match span:
        case Span.QUARTER_HOUR:
            return start + MIN_STEP
        case Span.HOUR:
            return start + timedelta(hours=1)
        case Span.DAY:
            return start + timedelta(days=1)
        case Span.MONTH:
            return floor(start + timedelta(days=31), Span.MONTH)


def nearest(at: datetime, span: Span) -> datetime:
    """Return the start of a span that is nearest to this time."""
    before, after = floor(at, span), ceiling(at, span)
    return before if at - before <= after - at else after


def correction(at: datetime, spans: Sequence[Span]) -> Sequence[Piece]:
    """Return the pieces that add up to what happened from `at` to the nearest longest span.

    `spans` are in order, the longest first, and `at` is at the start of a shortest one. For a time
    after the nearest start the result is negative. The sum over a range is then that of its whole
    longest spans, with the correction of its start and without that of its end. A day of a zone
    that is two hours before UTC takes one day and twice two hours.
    """
    found = []
    longest, *shorter = spans
    reached = nearest(at, longest)
    for span in shorter:
        near = nearest(at, span)
        if near != reached:
            first, last = sorted((near, reached))
            found.append(Piece(span, first, last, 1 if near < reached else -1))
        reached = near
    return found
