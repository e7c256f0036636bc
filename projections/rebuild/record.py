"""Keep the progress of a rebuild in PostgreSQL: for operators, and to resume after a kill."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self

from kit.leadership import LeadLost
from kit.pool import Connection
from projections.projection import Projection, ReadModel

_REQUEST: Final = """
    INSERT INTO eventstore.projection_rebuild AS r
        (name, version, state, requested_by, requested_at, events_per_second)
    VALUES ($1, $2, 'requested', $3, clock_timestamp(), $4)
    ON CONFLICT (name) DO UPDATE
    SET version = $2, state = 'requested', requested_by = $3, requested_at = clock_timestamp(),
        finished_at = NULL, events_per_second = $4, head = 0, position = 0, events = 0,
        events_in_all = 0, fault = NULL
    WHERE r.state IN ('done', 'failed')
    RETURNING name
"""
_READ: Final = """
    SELECT version, state, head, position, events, events_in_all, events_per_second
    FROM eventstore.projection_rebuild WHERE name = $1
"""
_START: Final = """
    UPDATE eventstore.projection_rebuild
    SET state = 'filling', version = $2, head = $3, position = $4, events = 0, events_in_all = $5
    WHERE name = $1
"""
_CLEAR_RANGES: Final = "DELETE FROM eventstore.rebuild_range WHERE name = $1"
_ADD_RANGE: Final = """
    INSERT INTO eventstore.rebuild_range (name, first, last, done) VALUES ($1, $2, $3, $2)
"""
_RANGES: Final = """
    SELECT first, last, done FROM eventstore.rebuild_range WHERE name = $1 ORDER BY first
"""
_RANGE_DONE: Final = """
    WITH range AS (
        UPDATE eventstore.rebuild_range SET done = $4
        WHERE name = $1 AND first = $2 AND done = $3
        RETURNING name
    )
    UPDATE eventstore.projection_rebuild AS r SET events = r.events + $5
    FROM range WHERE r.name = range.name
    RETURNING r.events
"""
_REACHED: Final = """
    UPDATE eventstore.projection_rebuild
    SET position = $3, events = events + $4, events_in_all = greatest(events_in_all, events + $4)
    WHERE name = $1 AND position = $2
    RETURNING name
"""
_SWAPPED: Final = """
    UPDATE eventstore.projection_rebuild
    SET state = 'done', fault = NULL, finished_at = clock_timestamp()
    WHERE name = $1 AND state = 'catching up' AND position = $2
    RETURNING name
"""
_STATE: Final = """
    UPDATE eventstore.projection_rebuild
    SET state = $2, fault = $3,
        finished_at = CASE WHEN $2 = 'failed' THEN clock_timestamp() END
    WHERE name = $1
    RETURNING events
"""
_UNFINISHED: Final = """
    SELECT name, version FROM eventstore.projection_rebuild WHERE state NOT IN ('done', 'failed')
"""


class State(StrEnum):
    REQUESTED = "requested"
    FILLING = "filling"
    """The copy takes the events up to the head that the rebuild began with."""
    INDEXING = "indexing"
    CATCHING_UP = "catching up"
    DONE = "done"
    FAILED = "failed"


class StreamRange(NamedTuple):
    """The streams after `done` and up to `last` are still to be read."""

    first: str
    last: str
    done: str


@dataclass
class Rebuild:
    """The record of one rebuild, over the connection that makes it."""

    connection: Connection
    name: str
    version: int
    state: State
    head: int
    position: int
    events: int
    events_in_all: int
    events_per_second: int | None

    @classmethod
    async def read(cls, connection: Connection, projection: Projection) -> Self:
        row = await connection.fetchrow(_READ, projection.name)
        assert row is not None  # noqa: S101 - a rebuild is requested before it is made
        version, state, *numbers = row
        return cls(connection, projection.name, version, State(state), *numbers)

    async def start(self, version: int, head: int, position: int, events_in_all: int) -> None:
        """Record that the copy is new and empty."""
        await self.connection.execute(_START, self.name, version, head, position, events_in_all)
        await self.connection.execute(_CLEAR_RANGES, self.name)
        self.version, self.head, self.position = version, head, position
        self.state, self.events, self.events_in_all = State.FILLING, 0, events_in_all

    async def add_ranges(self, ranges: Sequence[tuple[str, str]]) -> None:
        for first, last in ranges:
            await self.connection.execute(_ADD_RANGE, self.name, first, last)

    async def ranges(self) -> Sequence[StreamRange]:
        rows = await self.connection.fetch(_RANGES, self.name)
        return [StreamRange(*row) for row in rows]

    async def range_reached(
        self, connection: Connection, streams: StreamRange, done: str, events: int
    ) -> StreamRange:
        """Record, in the transaction of the rows, that the streams up to `done` are copied.

        Return what is left of the range. Raises LeadLost when another process has copied them: the
        last commit of a killed process may come after its successor has read the record.
        """
        row = (streams.first, streams.done, done, events)
        in_all = await connection.fetchval(_RANGE_DONE, self.name, *row)
        if in_all is None:
            raise LeadLost(f"rebuild.{self.name}")
        self.events = in_all
        return streams._replace(done=done)

    async def reached(self, position: int, events: int) -> None:
        """Record, in the transaction of the rows, that the copy holds the events up to there.

        Raises LeadLost when another process has taken them.
        """
        row = (self.position, position, events)
        if not await self.connection.fetchval(_REACHED, self.name, *row):
            raise LeadLost(f"rebuild.{self.name}")
        self.position = position
        self.events += events
        self.events_in_all = max(self.events, self.events_in_all)

    async def swapped(self) -> None:
        """Record, in the transaction of the swap, that the rebuild is done.

        Raises LeadLost when another process has gone on with it.
        """
        if not await self.connection.fetchval(_SWAPPED, self.name, self.position):
            raise LeadLost(f"rebuild.{self.name}")

    async def enter(self, state: State, fault: str | None = None) -> None:
        # Other processes may have read events as well.
        self.events = await self.connection.fetchval(_STATE, self.name, state, fault)
        self.state = state


async def request(
    connection: Connection, model: ReadModel, actor: str, events_per_second: int | None = None
) -> bool:
    """Ask for a rebuild, and return whether it is a new one: False while one is under way."""
    asked = (model.name, model.version, actor, events_per_second)
    return bool(await connection.fetchval(_REQUEST, *asked))


async def unfinished(connection: Connection) -> Collection[tuple[str, int]]:
    """Return the projections, with their versions, that have a rebuild to make or to resume."""
    return {(row["name"], row["version"]) for row in await connection.fetch(_UNFINISHED)}
