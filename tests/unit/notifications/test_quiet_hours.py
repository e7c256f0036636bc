"""Quiet hours end at an exact instant of the customer's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.quiet_hours import QuietHours, zone_named

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(22), time(7))


def hours(text: str) -> QuietHours:
    start, end = map(time.fromisoformat, text.split("-"))
    return QuietHours(start, end)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """Return the instant at which clocks of the zone show this; `*` is the second time they do."""
    local = datetime.fromisoformat(text.removesuffix("*"))
    return local.replace(tzinfo=zone, fold=int(text.endswith("*"))).astimezone(UTC)


@pytest.mark.parametrize(
    ("span", "now", "end"),
    [
        ("22:00-07:00", "2026-07-01 21:59:59.999999", None),
        ("22:00-07:00", "2026-07-01 22:00", "2026-07-02 07:00"),
        ("22:00-07:00", "2026-07-01 23:59:59", "2026-07-02 07:00"),
        ("22:00-07:00", "2026-07-02 00:00", "2026-07-02 07:00"),
        ("22:00-07:00", "2026-07-02 06:59:59.999999", "2026-07-02 07:00"),
        ("22:00-07:00", "2026-07-02 07:00", None),
        ("13:00-14:30", "2026-07-01 12:59", None),
        ("13:00-14:30", "2026-07-01 13:00:01", "2026-07-01 14:30"),
        ("13:00-14:30", "2026-07-01 14:30", None),
        ("22:00-00:00", "2026-12-31 23:00", "2027-01-01 00:00"),
        ("00:00-06:00", "2027-01-01 00:00", "2027-01-01 06:00"),
        ("00:01-00:00", "2026-07-01 00:01", "2026-07-02 00:00"),
        ("00:01-00:00", "2026-07-01 00:00:30", None),
    ],
)
def test_quiet_hours_end_at_their_local_time(span: str, now: str, end: str | None) -> None:
    assert hours(span).end_after(at(now), BERLIN) == (None if end is None else at(end))


@pytest.mark.parametrize(
    ("span", "now", "end", "length"),
    [  # on 2026-03-29 clocks in Berlin jump from 02:00 to 03:00
        ("22:00-07:00", "2026-03-28 22:00", "2026-03-29 07:00", timedelta(hours=8)),
        ("22:00-02:30", "2026-03-29 01:59", "2026-03-29 03:00", timedelta(minutes=1)),
        ("02:30-05:00", "2026-03-29 03:00", "2026-03-29 05:00", timedelta(hours=2)),
        # on 2026-10-25 they show 02:00 to 03:00 twice
        ("22:00-07:00", "2026-10-24 22:00", "2026-10-25 07:00", timedelta(hours=10)),
        ("22:00-02:30", "2026-10-25 02:29", "2026-10-25 02:30", timedelta(minutes=1)),
        ("22:00-02:30", "2026-10-25 02:29*", "2026-10-25 02:30*", timedelta(minutes=1)),
        ("22:00-03:00", "2026-10-25 02:00", "2026-10-25 03:00", timedelta(hours=2)),
    ],
)
def test_a_night_in_which_the_clocks_change_ends_when_they_show_the_end(
    span: str, now: str, end: str, length: timedelta
) -> None:
    began = at(now)
    assert hours(span).end_after(began, BERLIN) == at(end) == began + length


@pytest.mark.parametrize("now", ["2026-03-29 01:59", "2026-03-29 03:00"])
def test_quiet_hours_that_the_clocks_skip_do_not_occur(now: str) -> None:
    assert hours("02:00-03:00").end_after(at(now), BERLIN) is None


def test_a_zone_with_a_half_hour_of_daylight_saving_time_ends_at_its_local_time() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")  # on 2026-04-05 02:00 is 01:30 again
    began = at("2026-04-04 22:00", lord_howe)
    assert NIGHT.end_after(began, lord_howe) == began + timedelta(hours=9, minutes=30)


def test_the_same_instant_is_quiet_in_one_zone_and_not_in_another() -> None:
    now = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
    assert NIGHT.end_after(now, BERLIN) == datetime(2026, 7, 2, 5, tzinfo=UTC)
    assert NIGHT.end_after(now, ZoneInfo("America/New_York")) is None


whole_minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]
).map(ZoneInfo)
instants = st.integers(946_684_800_000, 2_208_988_800_000).map(
    lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC)
)
"""From 2000 to 2040."""


@given(whole_minutes, whole_minutes, zones, instants)
def test_it_is_quiet_up_to_the_end_and_not_at_it(
    start: time, end: time, zone: ZoneInfo, now: datetime
) -> None:
    if start == end:
        return
    quiet = QuietHours(start, end)
    ends = quiet.end_after(now, zone)
    if ends is None:
        assert not quiet.include(now.astimezone(zone).time())
    else:
        assert now < ends <= now + timedelta(hours=25)
        assert quiet.end_after(ends, zone) is None
        last = ends - timedelta(microseconds=1)
        assert quiet.end_after(max(now, last), zone) == ends


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (time(7), time(7), "would never end"),
        (time(7, 0, 1), time(8), "whole minutes"),
        (time(7), time(8, 0, 0, 1), "whole minutes"),
        (time(7, tzinfo=UTC), time(8), "whole minutes"),
    ],
)
def test_quiet_hours_that_cannot_be_kept_are_refused(start: time, end: time, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        QuietHours(start, end)


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd", "a\0"])
def test_a_zone_that_no_longer_exists_is_none(name: str | None) -> None:
    assert zone_named(name) is None
