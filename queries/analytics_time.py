"""The range of an analytics query, and the borders of its buckets in a time zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Final, Self
from zoneinfo import ZoneInfo, available_timezones

from projections.analytics.spans import MIN_STEP, Span, floor

MAX_BUCKETS: Final = 1_000
MIN_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No offset since then was another than a multiple of 15 minutes."""
MAX_TIME: Final = datetime(2100, 1, 1, tzinfo=UTC)


class Grain(StrEnum):
    QUARTER_HOUR = "QUARTER_HOUR"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


SHORTEST: Final = {
    Grain.QUARTER_HOUR: MIN_STEP,
    Grain.HOUR: timedelta(hours=1),
    Grain.DAY: timedelta(days=1),
    Grain.WEEK: timedelta(days=7),
    Grain.MONTH: timedelta(days=28),
    Grain.QUARTER: timedelta(days=90),
    Grain.YEAR: timedelta(days=365),
}
"""About the shortest bucket of each grain. The change of a clock may make one shorter."""


class BadRange(Exception):
    """An argument that no query can be made of. `field` names it, and the message says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class AnalyticsRange:
    """The time from `start` to before `end`, in UTC, and the zone of its days."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    @classmethod
    def of(cls, start: datetime, end: datetime, zone: str) -> Self:
        """Raises BadRange."""
        if zone not in available_timezones():
            raise BadRange("timeZone", "this is no time zone: pass one such as Europe/Zurich")
        first, last = _time("from", start), _time("to", end)
        if first >= last:
            raise BadRange("to", "the range ends before it begins: pass a time after `from`")
        return cls(first, last, ZoneInfo(zone))

    def borders(self, grain: Grain) -> Sequence[datetime]:
        """Return the start of each bucket, and the end of the last one.

        The first and the last bucket may be shorter, as the range cuts them. Raises BadRange for
        too many.
        """
        if self._count(grain) > MAX_BUCKETS:
            raise self._too_many(grain)
        inside = takewhile(lambda at: at < self.end, _starts(grain, self.start, self.zone))
        # A day that a zone has skipped begins and ends at the same time.
        starts = dict.fromkeys(at for at in inside if at > self.start)
        found = [self.start, *starts, self.end]
        if len(found) - 1 > MAX_BUCKETS:
            raise self._too_many(grain)
        return found

    def _count(self, grain: Grain) -> int:
        """Return about how many buckets the range has."""
        return int((self.end - self.start) / SHORTEST[grain])

    def _too_many(self, grain: Grain) -> BadRange:
        # One more may be cut at each end, and each change of a clock may add one.
        fitting = next((g for g in Grain if self._count(g) < MAX_BUCKETS * 9 // 10), Grain.YEAR)
        return BadRange(
            "grain",
            f"the range has more than {MAX_BUCKETS} buckets of one {grain}: pass {fitting}, or a"
            " shorter range",
        )


def _time(field: str, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise BadRange(field, "the time needs a time zone: append Z for UTC, or an offset")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        at = MAX_TIME + MIN_STEP
    if not MIN_TIME <= at <= MAX_TIME:
        raise BadRange(field, "pass a time from the year 2000 to the year 2099")
    if floor(at, Span.QUARTER_HOUR) != at:
        raise BadRange(field, "pass a full quarter of an hour, such as 10:00 or 10:15")
    return at


def _starts(grain: Grain, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the times at which buckets begin, from the bucket that holds `start`. Endless."""
    match grain:
        case Grain.QUARTER_HOUR:
            return _steps(start)
        case Grain.HOUR:
            return _hours(start, zone)
        case _:
            return _days(grain, start.astimezone(zone).date(), zone)


def _steps(start: datetime) -> Iterator[datetime]:
    while True:
        yield start
        start += MIN_STEP


def _hours(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the starts of the hours that a clock shows there. A changed clock begins a new one."""
    last = None
    for at in _steps(start):
        local = at.astimezone(zone)
        if (hour := (local.date(), local.hour, local.utcoffset())) != last:
            yield at
        last = hour


def _days(grain: Grain, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the first midnight of each day, week, month, quarter or year.

    Where a clock is put forward at midnight, the day begins with the change.
    """
    day = _first_day(grain, day)
    while True:
        yield datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        day = _first_day(grain, day + _MORE_THAN_ONE[grain])


_MORE_THAN_ONE: Final = {
    Grain.DAY: timedelta(days=1),
    Grain.WEEK: timedelta(days=7),
    Grain.MONTH: timedelta(days=31),
    Grain.QUARTER: timedelta(days=92),
    Grain.YEAR: timedelta(days=366),
}
"""From the first day of a bucket, this leads into the next one."""


def _first_day(grain: Grain, day: date) -> date:
    match grain:
        case Grain.WEEK:
            return day - timedelta(days=day.weekday())
        case Grain.MONTH:
            return day.replace(day=1)
        case Grain.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case Grain.YEAR:
            return day.replace(month=1, day=1)
        case _:
            return day
