"""Cut a range into the pieces that its statement reads, and put the sums of buckets together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from operator import add, sub
from typing import Any, Final, NamedTuple

from projections.analytics.counting import DETAIL_SPANS, TOTAL_SPANS
from projections.analytics.spans import Piece, Span, correction, nearest
from projections.analytics.tables import FIGURES
from queries.analytics_time import AnalyticsRange

Figures = Mapping[str, int]
"""The columns of `FIGURES` of one currency."""

ByCurrency = Mapping[str, Figures]

_Sums = Sequence[int]
"""The same without names, in the order of `FIGURES`."""
_NOTHING: Final[_Sums] = [0] * len(FIGURES)

WHOLE: Final = -1
"""The mark of the piece that all buckets share. The others are marked with a border's number."""

_MIN_INNER: Final = 3
"""With more borders, some buckets are not cut by the range."""

_LENGTHS: Final = {
    Span.MONTH: timedelta(days=28),
    Span.DAY: timedelta(hours=23),
    Span.HOUR: timedelta(minutes=30),
    Span.QUARTER_HOUR: timedelta(0),
}
"""The shortest buckets for which a span is read."""


class Bucket(NamedTuple):
    start: datetime
    end: datetime
    figures: ByCurrency


class _Marked(NamedTuple):
    mark: int
    piece: Piece


def of_range(asked: AnalyticsRange) -> Mapping[str, Sequence[object]]:
    """Return the arguments of a statement that adds up the whole range."""
    spans = _spans(DETAIL_SPANS, asked.end - asked.start)
    pieces = [
        *_whole(spans[0], nearest(asked.start, spans[0]), nearest(asked.end, spans[0])),
        *(piece for piece in correction(asked.start, spans)),
        *(piece._replace(sign=-piece.sign) for piece in correction(asked.end, spans)),
    ]
    return _arguments([_Marked(WHOLE, piece) for piece in pieces])


def of_buckets(borders: Sequence[datetime]) -> Mapping[str, Sequence[object]]:
    """Return the arguments of the statement that adds up each bucket.

    One piece holds the longest spans of all buckets. The correction of a border is read once, for
    the bucket before it and for the one after it.
    """
    # The range may cut the first and the last bucket.
    inner = borders[1:-1] if len(borders) > _MIN_INNER else borders
    spans = _spans(TOTAL_SPANS, min(end - start for start, end in pairwise(inner)))
    rounded = [nearest(border, spans[0]) for border in borders]
    whole = [_Marked(WHOLE, piece) for piece in _whole(spans[0], rounded[0], rounded[-1])]
    corrections = [
        _Marked(n, piece) for n, border in enumerate(borders) for piece in correction(border, spans)
    ]
    return {**_arguments([*whole, *corrections]), "borders": rounded}


def buckets_of(
    borders: Sequence[datetime], rows: Iterable[Any], currency: str | None
) -> Sequence[Bucket]:
    """Return every bucket, with the same currencies in each.

    The rows are those of the statement that `of_buckets` has made the arguments of.
    """
    last = len(borders) - 2
    sums: defaultdict[str, list[_Sums]] = defaultdict(lambda: [_NOTHING] * (last + 1))
    for mark, bucket, of_currency, *numbers in rows:
        found = sums[of_currency]
        if mark == WHOLE:
            found[bucket - 1] = list(map(add, found[bucket - 1], numbers))
            continue
        if mark <= last:
            found[mark] = list(map(add, found[mark], numbers))
        if mark > 0:
            found[mark - 1] = list(map(sub, found[mark - 1], numbers))
    with_figures = {name for name, found in sums.items() if any(map(any, found))}
    currencies = [currency] if currency else sorted(with_figures)
    return [
        Bucket(start, end, {name: _figures(sums[name][n]) for name in currencies})
        for n, (start, end) in enumerate(pairwise(borders))
    ]


def added_up(buckets: Sequence[Bucket]) -> ByCurrency:
    """Return the sum of the buckets, which all have the same currencies."""
    return {
        currency: _figures(
            [sum(of) for of in zip(*(b.figures[currency].values() for b in buckets), strict=True)]
        )
        for currency in (buckets[0].figures if buckets else ())
    }


def _spans(spans: Sequence[Span], length: timedelta) -> Sequence[Span]:
    """Return the spans that are not longer than this, the longest first."""
    return [span for span in spans if _LENGTHS[span] <= length]


def _whole(span: Span, start: datetime, end: datetime) -> Sequence[Piece]:
    return [Piece(span, start, end)] if start < end else []


def _figures(sums: _Sums) -> Figures:
    return dict(zip(FIGURES, sums, strict=True))


def _arguments(marked: Sequence[_Marked]) -> Mapping[str, Sequence[object]]:
    pieces = [piece for _, piece in marked]
    return {
        "spans": [piece.span.value for piece in pieces],
        "starts": [piece.start for piece in pieces],
        "ends": [piece.end for piece in pieces],
        "signs": [piece.sign for piece in pieces],
        "marks": [mark for mark, _ in marked],
    }
