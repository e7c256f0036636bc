"""The hours in which a customer does not want to be disturbed, by the customer's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """They include `start` and not `end`, both whole minutes; with `end` first, midnight is in."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("quiet hours that end when they start would never end")
        if any(each.second or each.microsecond or each.tzinfo for each in (self.start, self.end)):
            raise ValueError("quiet hours start and end at whole minutes of a local clock")

    def include(self, clock: time) -> bool:
        """Return whether it is quiet while the customer's clock shows this time."""
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def end_after(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the instant at which the quiet hours around `now` end, or None outside of them.

        The clock in this zone decides, minute by minute. So an hour that daylight saving time skips
        is over at once, and an hour that the clock shows twice is quiet twice.
        """
        if not self.include(now.astimezone(zone).time()):
            return None
        minute = now.astimezone(UTC).replace(second=0, microsecond=0)
        while self.include(minute.astimezone(zone).time()):
            minute += _MINUTE
        return minute


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return the time zone, or None: a stored name may have been given up since."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
