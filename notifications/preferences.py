"""The choices of each customer: categories by channel, and quiet hours.

A row names the customer by id, and an erasure deletes it: see projections/key_erasure.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from domain.idempotency import KeyUse
from eventstore.keys import take_key
from kit.pool import Pool
from notifications.categories import Category
from notifications.outbox import Channel
from notifications.quiet_hours import QuietHours

OptOut = tuple[Category, Channel]

_GET: Final = """
    SELECT opted_out, quiet_from, quiet_to, time_zone
    FROM eventstore.notification_preference WHERE customer_id = $1
"""
# An erasure that runs at this moment either deletes the row or is older than it.
_SET: Final = """
    INSERT INTO eventstore.notification_preference
        (customer_id, opted_out, quiet_from, quiet_to, time_zone, made_after)
    VALUES ($1, $2, $3, $4, $5, eventstore.position_of_new_key($1))
    ON CONFLICT (customer_id) DO UPDATE
    SET opted_out = excluded.opted_out, quiet_from = excluded.quiet_from,
        quiet_to = excluded.quiet_to, time_zone = excluded.time_zone,
        made_after = excluded.made_after, updated_at = clock_timestamp()
    RETURNING (old.opted_out, old.quiet_from, old.quiet_to, old.time_zone)
        IS DISTINCT FROM (new.opted_out, new.quiet_from, new.quiet_to, new.time_zone)
"""


@dataclass(frozen=True, slots=True)
class Preferences:
    """By default a customer gets every category by every channel, at any hour."""

    opted_out: frozenset[OptOut] = frozenset()
    quiet_hours: QuietHours | None = None
    time_zone: str | None = None
    """The zone of the quiet hours. None stands for the zone of each order's contact."""

    def __post_init__(self) -> None:
        for category, _ in self.opted_out:
            if category.is_mandatory:
                raise ValueError(f"{category} is mandatory: it is always sent")

    def allow(self, category: Category, channel: Channel) -> bool:
        return (category, channel) not in self.opted_out

    @property
    def opted_out_names(self) -> list[str]:
        return sorted(f"{channel}:{category}" for category, channel in self.opted_out)

    def as_json(self) -> dict[str, object]:
        hours = self.quiet_hours
        return {
            "opted_out": self.opted_out_names,
            "quiet_hours": None if hours is None else [str(hours.start), str(hours.end)],
            "time_zone": self.time_zone,
        }


class PreferenceStore:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, customer_id: str) -> Preferences:
        """Return the customer's choices, or the defaults."""
        row = await self._pool.fetchrow(_GET, customer_id)
        if row is None:
            return Preferences()
        start, end = row["quiet_from"], row["quiet_to"]
        return Preferences(
            frozenset(_parsed(row["opted_out"])),
            None if start is None else QuietHours(start, end),
            row["time_zone"],
        )

    async def set(
        self, customer_id: str, preferences: Preferences, key: KeyUse | None = None
    ) -> bool:
        """Replace all choices of the customer; return False if they were these already."""
        hours = preferences.quiet_hours
        start, end = (None, None) if hours is None else (hours.start, hours.end)
        row = (customer_id, preferences.opted_out_names, start, end, preferences.time_zone)
        async with self._pool.acquire() as connection, connection.transaction():
            is_first = await take_key(connection, key)
            return is_first and bool(await connection.fetchval(_SET, *row))


def _parsed(opted_out: Iterable[str]) -> Iterator[OptOut]:
    """Yield what this build knows. Another build may have had other categories and channels."""
    for text in opted_out:
        channel, _, category = text.partition(":")
        try:
            parsed = Category(category), Channel(channel)
        except ValueError:
            continue
        if not parsed[0].is_mandatory:
            yield parsed
