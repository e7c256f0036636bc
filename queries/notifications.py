"""The notifications as operators see them: how many there are in each state, and their lag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from notifications.facts import TYPES
from notifications.follower import checkpoint_of
from notifications.outbox import Channel

PARKED: Final = "parked"
"""The state of events that the follower cannot take, counted by their streams."""

_COUNTS: Final = text(f"""
    SELECT channel, state, count(*) AS rows FROM eventstore.notification
    WHERE due_at IS NOT NULL OR ended_at > clock_timestamp() - interval '1 hour'
    GROUP BY channel, state
    UNION ALL
    SELECT :channel, '{PARKED}', count(DISTINCT stream_id) FROM eventstore.parked_event
    WHERE projection = :checkpoint
""")  # noqa: S608 - our own words
# A channel that is off has no checkpoint, and no lag. A notification that waits for the end of
# quiet hours is not late before.
_LAG: Final = text("""
    SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(greatest(created_at, not_before)) FROM eventstore.notification
         WHERE channel = :channel AND due_at IS NOT NULL
         AND coalesce(not_before <= clock_timestamp(), true)),
        (SELECT e.recorded_at FROM eventstore.checkpoint AS c
         JOIN eventstore.event AS e ON e.position > c.position AND e.type = ANY (:types)
         WHERE c.name = :checkpoint
         ORDER BY e.position
         LIMIT 1)
    )), 0)
""")


@dataclass(frozen=True, slots=True)
class NotificationFigures:
    counts: Mapping[tuple[str, str], int]
    """The notifications of each channel and state: those still to be sent, those that ended in the
    last hour, and the parked streams."""
    lag_seconds: Mapping[str, float]
    """The age of the oldest final fact of each channel that waits; 0 for none."""


class NotificationQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def figures(self) -> NotificationFigures:
        channel = Channel.EMAIL
        which = {"channel": str(channel), "checkpoint": checkpoint_of(channel)}
        async with self._engine.connect() as connection:
            counts = await connection.execute(_COUNTS, which)
            lag = await connection.execute(_LAG, which | {"types": sorted(TYPES)})
            return NotificationFigures(
                {(row.channel, row.state): row.rows for row in counts},
                {channel: float(lag.scalar_one())},
            )
