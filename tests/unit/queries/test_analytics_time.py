"""The buckets of a range begin where a clock on the wall begins an hour, a day or a month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.analytics.counting import DETAIL_SPANS, TOTAL_SPANS
from projections.analytics.spans import Piece, Span, correction, floor, nearest
from queries.analytics_time import MAX_BUCKETS, AnalyticsRange, BadRange, Grain

QUARTER = timedelta(minutes=15)
ZONES = (
    *("UTC", "Europe/Zurich", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"),
    *("Pacific/Apia", "Asia/Beirut", "Africa/Cairo", "Pacific/Chatham", "America/Havana"),
)


def hours(*days: int, zone: str, month: int) -> list[float]:
    """Return the lengths of these days of 2026, in hours."""
    first = datetime(2026, month, days[0], tzinfo=UTC)
    day = AnalyticsRange.of(first - timedelta(days=1), first + timedelta(days=5), zone)
    starts = day.borders(Grain.DAY)
    lengths = {
        start.astimezone(day.zone).day: (end - start) / timedelta(hours=1)
        for start, end in pairwise(starts)
    }
    return [lengths[number] for number in days]


def test_the_days_of_a_changed_clock_are_shorter_or_longer() -> None:
    assert hours(28, 29, zone="Europe/Zurich", month=3) == [24, 23]
    assert hours(24, 25, 26, zone="Europe/Zurich", month=10) == [24, 25, 24]
    assert hours(5, 6, zone="Australia/Lord_Howe", month=4) == [24.5, 24]
    assert hours(4, 5, zone="Australia/Lord_Howe", month=10) == [23.5, 24]
    assert hours(10, 11, zone="Asia/Kathmandu", month=4) == [24, 24]


def test_a_day_in_kathmandu_begins_at_a_quarter_past_six_in_the_evening_utc() -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    found = AnalyticsRange.of(start, start + timedelta(days=1), "Asia/Kathmandu")

    assert found.borders(Grain.DAY) == [
        start,
        datetime(2026, 5, 1, 18, 15, tzinfo=UTC),
        datetime(2026, 5, 2, tzinfo=UTC),
    ]


def test_a_repeated_hour_has_two_buckets() -> None:
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    found = AnalyticsRange.of(start, start + timedelta(hours=25), "Europe/Zurich")

    assert len(found.borders(Grain.HOUR)) - 1 == 25
    assert len(found.borders(Grain.DAY)) - 1 == 1


def test_a_day_that_a_zone_has_skipped_has_no_bucket() -> None:
    """Samoa had no 30 December 2011."""
    start, end = datetime(2011, 12, 29, 10, tzinfo=UTC), datetime(2011, 12, 31, 10, tzinfo=UTC)
    borders = AnalyticsRange.of(start, end, "Pacific/Apia").borders(Grain.DAY)

    assert borders == [start, start + timedelta(days=1), end]


def _shown(at: datetime, grain: Grain) -> tuple[object, ...]:
    """Return what the bucket of this local time has in common."""
    day = at.date()
    return {
        Grain.QUARTER_HOUR: (day, at.hour, at.minute, at.utcoffset()),
        Grain.HOUR: (day, at.hour, at.utcoffset()),
        Grain.DAY: (day,),
        Grain.WEEK: tuple(day.isocalendar())[:2],
        Grain.MONTH: (day.year, day.month),
        Grain.QUARTER: (day.year, (day.month - 1) // 3),
        Grain.YEAR: (day.year,),
    }[grain]


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.integers(0, 600_000),
    st.integers(1, 900),
    st.sampled_from(ZONES),
    st.sampled_from(Grain),
)
def test_a_bucket_holds_the_times_that_a_calendar_puts_together(
    first: int, count: int, zone: str, grain: Grain
) -> None:
    start = datetime(2012, 1, 1, tzinfo=UTC) + first * QUARTER
    found = AnalyticsRange.of(start, start + count * QUARTER, zone)
    quarters = [start + n * QUARTER for n in range(count)]
    groups = groupby(quarters, key=lambda at: _shown(at.astimezone(found.zone), grain))

    starts = [next(times) for _, times in groups]
    assert found.borders(grain) == [*starts, found.end]


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.integers(0, 60_000),
    st.integers(1, 60_000),
    st.sampled_from([DETAIL_SPANS, TOTAL_SPANS, (Span.QUARTER_HOUR,)]),
)
def test_whole_spans_with_their_corrections_cover_a_range_once(
    first: int, count: int, spans: Sequence[Span]
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC) + first * QUARTER
    end = start + count * QUARTER
    whole = Piece(spans[0], nearest(start, spans[0]), nearest(end, spans[0]))
    covered: Counter[int] = Counter()
    for piece, sign in (
        *((piece, piece.sign) for piece in (whole, *correction(start, spans))),
        *((piece, -piece.sign) for piece in correction(end, spans)),
    ):
        assert (floor(piece.start, piece.span), floor(piece.end, piece.span)) == piece[1:3]
        for n in range((piece.start - start) // QUARTER, (piece.end - start) // QUARTER):
            covered[n] += sign

    assert {n: times for n, times in covered.items() if times} == dict.fromkeys(range(count), 1)


def test_a_local_month_reads_a_month_and_the_hours_of_its_offset() -> None:
    """Zurich is two hours before UTC in July."""
    july, before = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 6, 30, 22, tzinfo=UTC)

    assert correction(july, DETAIL_SPANS) == []
    assert correction(before, DETAIL_SPANS) == [Piece(Span.QUARTER_HOUR, before, july)]


@pytest.mark.parametrize(
    ("grain", "days", "fitting"),
    [
        (Grain.QUARTER_HOUR, 11, Grain.HOUR),
        (Grain.QUARTER_HOUR, 365, Grain.DAY),
        (Grain.HOUR, 365, Grain.DAY),
        (Grain.DAY, 3_652, Grain.WEEK),
        (Grain.DAY, 36_000, Grain.QUARTER),
    ],
)
def test_too_many_buckets_are_refused_with_the_grain_that_fits(
    grain: Grain, days: int, fitting: Grain
) -> None:
    start = datetime(2001, 1, 1, tzinfo=UTC)
    found = AnalyticsRange.of(start, start + timedelta(days=days), "Europe/Zurich")

    with pytest.raises(BadRange, match=f"pass {fitting}, or a shorter range$"):
        found.borders(grain)
    assert len(found.borders(fitting)) <= MAX_BUCKETS
