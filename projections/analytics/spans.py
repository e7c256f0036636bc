"""The spans of time for which rows are kept, in UTC, and the fewest of them that make up a range.

The offsets of all time zones have been multiples of 15 minutes since 1972. So quarters of an hour
make up the days of every zone. The longer spans keep a long range cheap: it reads whole months or
days, and quarters of an hour at its edges alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple


class Span(IntEnum):
    """The numbers are stored."""

    QUARTER_HOUR = 0
    HOUR = 1
    DAY = 2
    MONTH = 3


class Piece(NamedTuple):
    """The whole spans of one kind from `start` to before `end`."""

    span: Span
    start: datetime
    end: datetime


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


def pieces(borders: Sequence[datetime], spans: Sequence[Span]) -> Sequence[Piece]:
    """Return the fewest spans of these kinds, none of which holds a border inside.

    The borders are at full quarters of an hour. `spans` are in order, the shortest first.
    """
    found = sorted(piece for start, end in pairwise(borders) for piece in _cut(start, end, spans))
    joined: list[Piece] = []
    for piece in found:
        last = joined[-1] if joined else None
        if last is not None and (last.span, last.end) == (piece.span, piece.start):
            joined[-1] = Piece(piece.span, last.start, piece.end)
        else:
            joined.append(piece)
    return joined


def _cut(start: datetime, end: datetime, spans: Sequence[Span]) -> Iterator[Piece]:
    if start >= end:
        return
    *shorter, longest = spans
    first, last = ceiling(start, longest), floor(end, longest)
    if first >= last:
        yield from _cut(start, end, shorter)
        return
    yield Piece(longest, first, last)
    yield from _cut(start, first, shorter)
    yield from _cut(last, end, shorter)
