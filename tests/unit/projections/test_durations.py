"""A duration is counted in a bucket that is narrow for its length."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.analytics.durations import RELATIVE_ERROR, bucket_of, percentile, seconds_of


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(days=36_000)))
def test_a_bucket_shows_each_of_its_durations_within_the_stated_error(duration: timedelta) -> None:
    shown = seconds_of(bucket_of(duration))

    assert shown == pytest.approx(duration.total_seconds(), rel=RELATIVE_ERROR)


@given(st.timedeltas(), st.timedeltas())
def test_a_longer_duration_is_in_no_lower_bucket(one: timedelta, other: timedelta) -> None:
    shorter, longer = sorted([one, other])
    assert 0 <= bucket_of(shorter) <= bucket_of(longer) < 2_000


def test_the_shortest_durations_are_shown_as_a_millisecond() -> None:
    for duration in (timedelta(0), timedelta(seconds=-3), timedelta(microseconds=7)):
        assert seconds_of(bucket_of(duration)) == 0.001


def test_a_percentile_is_the_duration_at_its_rank() -> None:
    counts = {bucket_of(timedelta(seconds=n)): 1 for n in (1, 10, 100, 1_000)}

    for percent, expected in ((1, 1), (25, 1), (26, 10), (50, 10), (75, 100), (76, 1_000)):
        assert percentile(counts, percent) == pytest.approx(expected, rel=RELATIVE_ERROR)
    assert percentile({}, 50) is None
