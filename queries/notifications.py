"""The notifications as operators see them: how many there are in each state, and their lag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

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
    SELECT c.channel, '{PARKED}', count(DISTINCT p.stream_id)
    FROM unnest(cast(:channels AS text[]), cast(:checkpoints AS text[])) AS c (channel, checkpoint)
    LEFT JOIN eventstore.parked_event AS p ON p.projection = c.checkpoint
    GROUP BY c.channel
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
        checkpoints = {str(channel): checkpoint_of(channel) for channel in Channel}
        names = {"channels": list(checkpoints), "checkpoints": list(checkpoints.values())}
        async with self._engine.connect() as connection:
            counts = await connection.execute(_COUNTS, names)
            return NotificationFigures(
                {(row.channel, row.state): row.rows for row in counts},
                {c: await _lag(connection, c, name) for c, name in checkpoints.items()},
            )


async def _lag(connection: AsyncConnection, channel: str, checkpoint: str) -> float:
    which = {"channel": channel, "checkpoint": checkpoint, "types": sorted(TYPES)}
    return float((await connection.execute(_LAG, which)).scalar_one())
