"""Fill the new copy from the log, at full speed: by stream and in parallel, or by position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sqlalchemy import Table

from eventstore.envelope import StoredEvent
from kit.pool import Connection, Pool
from kit.tasks import together
from projections import copies
from projections.change import Row
from projections.copies import Copy
from projections.fold import Fold
from projections.poison import is_poison
from projections.projection import Projection
from projections.rebuild.assistants import Assistants
from projections.rebuild.errors import EventNotTaken
from projections.rebuild.record import Rebuild, StreamRange
from projections.rebuild.throttle import Throttle

EVENTS_AT_ONCE: Final = 5_000
"""The events of a page: it bounds the memory of a rebuild, whatever the length of the log."""
RANGES: Final = 8
"""The ranges of streams of each category; half of a small log's may be empty."""
AT_ONCE: Final = 3
"""The ranges that are read at once: more do not keep one Python process busier."""
MIN_SAMPLED: Final = 100_000
"""A table with fewer rows is one range."""
MAX_VERSION: Final = 2**63 - 1
SAMPLED: Final = 20_000
"""About as many rows are sampled to divide the streams."""

_ROWS: Final = (
    "SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'eventstore.event'::regclass"
)
_BORDERS: Final = """
    SELECT percentile_disc($4::float[]) WITHIN GROUP (ORDER BY stream_id)
    FROM eventstore.event TABLESAMPLE SYSTEM ($3)
    WHERE stream_id >= $1 AND stream_id < $2
"""
_PAGE: Final = """
    SELECT position, stream_id, version, event_id, type, schema_version,
           data::text, metadata::text, recorded_at
    FROM eventstore.event
    WHERE (stream_id, version) > ($1, $2) AND stream_id <= $3 AND position <= $4
    ORDER BY stream_id, version
    LIMIT $5
"""


async def plan(connection: Connection, projection: Projection) -> Sequence[tuple[str, str]]:
    """Divide the streams of the projection into ranges of about as many events."""
    ranges: list[tuple[str, str]] = []
    for category in sorted(projection.categories):
        first, last = f"{category}-", f"{category}."  # '.' is the character after '-'
        borders = [first, *await _borders(connection, first, last), last]
        ranges += [(a, b) for a, b in pairwise(borders) if a < b]
    return ranges


async def _borders(connection: Connection, first: str, last: str) -> Sequence[str]:
    rows = await connection.fetchval(_ROWS)
    if rows < MIN_SAMPLED:
        return []
    shares = [n / RANGES for n in range(1, RANGES)]
    percent = min(100.0, 100 * SAMPLED / rows)
    found = await connection.fetchval(_BORDERS, first, last, percent, shares)
    return sorted({border for border in found or [] if border})


class Filling:
    """The copies of whole streams, as of the head that the rebuild began with."""

    def __init__(
        self, pool: Pool, projection: Projection, rebuild: Rebuild, shown: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._projection = projection
        self._rebuild = rebuild
        self._throttle = Throttle(rebuild.events_per_second)
        self._shown = shown

    async def run(self, assistants: Assistants) -> None:
        """Fill all ranges that are not done. Raises EventNotTaken."""
        if self._rebuild.events_per_second is None:
            ranges = await self._rebuild.ranges()
            async with assistants.filling(self._projection, ranges) as (mine, assisted):
                await self.fill(mine)
                await assisted()
        await self.fill(await self._rebuild.ranges())

    async def fill(self, ranges: Sequence[StreamRange]) -> None:
        """Fill what is left of these ranges. Raises EventNotTaken."""
        rest = iter(ranges)
        await together(*(self._fill_next(rest) for _ in range(AT_ONCE)))

    async def _fill_next(self, ranges: Iterator[StreamRange]) -> None:
        async with self._pool.acquire() as connection:
            for streams in ranges:
                await self._fill(connection, streams)

    async def _fill(self, connection: Connection, streams: StreamRange) -> None:
        rows = WholeStreams(self._projection)
        # The streams up to `done` are copied: none has a version above this one.
        after, is_last = (streams.done, MAX_VERSION), False
        while not is_last:
            page = await self._page(connection, streams, after)
            is_last = len(page) < EVENTS_AT_ONCE
            rows.take(page)
            if is_last:
                rows.end_stream()
            else:
                after = (page[-1].stream_id, page[-1].version)
            streams = await self._copy(connection, streams, rows)
            await self._throttle.after(len(page))
            self._shown()

    async def _page(
        self, connection: Connection, streams: StreamRange, after: tuple[str, int]
    ) -> Sequence[StoredEvent]:
        bounds = (*after, streams.last, self._rebuild.head, EVENTS_AT_ONCE)
        return [StoredEvent(*row) for row in await connection.fetch(_PAGE, *bounds)]

    async def _copy(
        self, connection: Connection, streams: StreamRange, rows: WholeStreams
    ) -> StreamRange:
        """Copy the rows of the streams that have ended, and record that in one transaction."""
        ended = rows.ended()
        if ended.last is None:
            return streams
        async with connection.transaction():
            for table, of_table in ended.rows.items():
                await copies.fill(connection, Copy.REBUILD, table, of_table)
            return await self._rebuild.range_reached(connection, streams, ended.last, ended.events)


@dataclass
class Ended:
    """The rows of streams whose last event was taken."""

    rows: dict[Table, list[Row]]
    last: str | None = None
    """The last of these streams."""
    events: int = 0


class WholeStreams:
    """The rows of one stream after another: they are complete when the next stream begins."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._stream: str | None = None
        self._events = 0
        self._fold = Fold()
        self._ended = Ended(defaultdict(list))

    def take(self, page: Sequence[StoredEvent]) -> None:
        """Take the next events, by stream and version. Raises EventNotTaken."""
        for stored in page:
            if stored.stream_id != self._stream:
                self.end_stream()
                self._stream = stored.stream_id
            self._events += 1
            if stored.type in self._projection.types:
                self._take(stored)

    def _take(self, stored: StoredEvent) -> None:
        try:
            self._fold.start(self._projection.changes(stored))
        except Exception as error:
            if not is_poison(error):
                raise
            raise EventNotTaken.at(stored, error) from error

    def end_stream(self) -> None:
        if self._stream is None:
            return
        for table, rows in self._fold.changed.items():
            self._ended.rows[table] += [row for row in rows.values() if row is not None]
        self._ended.last = self._stream
        self._ended.events += self._events
        self._stream, self._events, self._fold = None, 0, Fold()

    def ended(self) -> Ended:
        """Return the rows that are complete since the last call."""
        ended, self._ended = self._ended, Ended(defaultdict(list))
        return ended
