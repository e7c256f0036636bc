"""Decide whether a notification may be sent now, by what its customer has chosen.

The sender of every channel asks here, after it has read the order and before it sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from notifications.categories import category_of
from notifications.facts import Notice
from notifications.outbox import Channel, Outcome, State
from notifications.preferences import Preferences, PreferenceStore
from notifications.quiet_hours import zone_named

QUIET_HOURS: Final = "quiet hours"
"""The cause of a notification that waits for their end."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    preferences: PreferenceStore
    now: Clock = utc_now

    async def outcome(
        self, kind: Notice, channel: Channel, customer_id: str, time_zone: str | None
    ) -> Outcome | None:
        """Return the outcome of a notification that must not be sent now, or None to send it.

        `time_zone` is the one of the order's contact, for a customer who has chosen none.
        """
        preferences = await self.preferences.get(customer_id)
        return outcome_of(preferences, kind, channel, time_zone, self.now())


def outcome_of(
    preferences: Preferences, kind: Notice, channel: Channel, time_zone: str | None, now: datetime
) -> Outcome | None:
    """Return the outcome by these preferences, or None to send the notification."""
    category = category_of(kind)
    if category.is_mandatory:
        return None
    if not preferences.allow(category, channel):
        return Outcome(State.OPTED_OUT)
    zone = zone_named(preferences.time_zone) or zone_named(time_zone)
    hours = preferences.quiet_hours
    if hours is None or zone is None:
        return None
    end = hours.end_after(now, zone)
    return None if end is None else Outcome.put_off(QUIET_HOURS, end - now)
