"""Keep the events that a following projection cannot take, and those behind them.

A stream is parked at its first event that fails for good. Later events of the stream wait behind
it, in order, and all other streams go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventstore.envelope import StoredEvent
from kit.pool import Connection

_STREAMS: Final = "SELECT DISTINCT stream_id FROM eventstore.parked_event WHERE projection = $1"
_PARK: Final = """
    INSERT INTO eventstore.parked_event
        (projection, position, stream_id, cause, attempts, failed_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp())
"""
_HOLD: Final = """
    INSERT INTO eventstore.parked_event (projection, position, stream_id)
    SELECT $1, position, stream_id FROM unnest($2::bigint[], $3::text[]) AS e (position, stream_id)
"""
_REDRIVEN: Final = """
    SELECT DISTINCT stream_id FROM eventstore.parked_event WHERE projection = $1 AND redrive
"""
_OF_STREAM: Final = """
    SELECT position FROM eventstore.parked_event WHERE projection = $1 AND stream_id = $2
"""
_ALL: Final = "SELECT position FROM eventstore.parked_event WHERE projection = $1"
_RELEASE: Final = """
    DELETE FROM eventstore.parked_event WHERE projection = $1 AND position = $2
"""
_FAILED: Final = """
    UPDATE eventstore.parked_event
    SET redrive = false,
        attempts = attempts + (position = $3)::int,
        cause = CASE WHEN position = $3 THEN $4 END,
        failed_at = CASE WHEN position = $3 THEN clock_timestamp() END
    WHERE projection = $1 AND stream_id = $2
"""
_REDRIVE: Final = """
    UPDATE eventstore.parked_event SET redrive = true
    WHERE projection = $1 AND ($2::text IS NULL OR stream_id = $2) AND NOT redrive
"""
_REDRIVEN_EVENTS: Final = """
    SELECT count(*) FROM eventstore.parked_event
    WHERE projection = $1 AND ($2::text IS NULL OR stream_id = $2) AND redrive
"""


class ParkedEvents:
    """The parked events of one version of a projection, over the connection of its leader."""

    def __init__(self, connection: Connection, projection: str) -> None:
        self._connection = connection
        self._projection = projection
        self.streams: set[str] = set()

    async def read(self) -> None:
        """Read which streams are parked."""
        rows = await self._connection.fetch(_STREAMS, self._projection)
        self.streams = {row["stream_id"] for row in rows}

    async def park(self, poison: StoredEvent, cause: str, attempts: int) -> None:
        row = (poison.position, poison.stream_id, cause, attempts)
        await self._connection.execute(_PARK, self._projection, *row)
        self.streams.add(poison.stream_id)

    async def hold(self, events: Sequence[StoredEvent]) -> None:
        """Let these events of parked streams wait."""
        if events:
            positions = [stored.position for stored in events]
            streams = [stored.stream_id for stored in events]
            await self._connection.execute(_HOLD, self._projection, positions, streams)

    async def redriven(self) -> Sequence[str]:
        """Return the streams that an operator lets the projection take again."""
        rows = await self._connection.fetch(_REDRIVEN, self._projection)
        return [row["stream_id"] for row in rows]

    async def positions(self, stream_id: str) -> frozenset[int]:
        rows = await self._connection.fetch(_OF_STREAM, self._projection, stream_id)
        return frozenset(row["position"] for row in rows)

    async def all_positions(self) -> frozenset[int]:
        rows = await self._connection.fetch(_ALL, self._projection)
        return frozenset(row["position"] for row in rows)

    async def release(self, stored: StoredEvent) -> None:
        await self._connection.execute(_RELEASE, self._projection, stored.position)

    async def failed_again(self, stored: StoredEvent, cause: str) -> None:
        """Record that this event of its stream is the one that fails now."""
        row = (stored.stream_id, stored.position, cause)
        await self._connection.execute(_FAILED, self._projection, *row)


async def redriven_events(
    connection: Connection, projection: str, stream_id: str | None = None
) -> int:
    """Return the number of events that the leader was asked to take again, and has not taken."""
    return int(await connection.fetchval(_REDRIVEN_EVENTS, projection, stream_id))


async def redrive(connection: Connection, projection: str, stream_id: str | None = None) -> int:
    """Ask the leader to take the parked events again, of one stream or of all.

    Return the number of events.
    """
    done = await connection.execute(_REDRIVE, projection, stream_id)
    return int(done.split()[-1])
