"""Rebuild a projection while the service runs, and go back to its former tables.

A new copy is filled beside the live tables, indexed, brought up to them, compared with them where
the version is the same, and swapped in. A rebuild that was killed is resumed by the next call. The
former tables are kept until the next rebuild, so that `roll_back` can return to them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from eventstore.postgres import PostgresEventStore
from kit.leadership import LeadLost, LedElsewhere, leading
from kit.pool import Connection, Pool
from projections.copies import Copy
from projections.projection import Following, Projection
from projections.rebuild import swapping, tables
from projections.rebuild.assistants import Assistants
from projections.rebuild.catching_up import CatchingUp
from projections.rebuild.errors import BeingRebuilt, NothingRetired, OtherVersion, RebuildError
from projections.rebuild.filling import Filling, plan
from projections.rebuild.record import Rebuild, State
from projections.rebuild.throttle import Throttle

NONE: Final = Assistants()
NEAR: Final = 500
"""The copy is near the live tables when its next page has fewer events than this."""

Progress = Callable[[int, int], None]
"""Take the number of events that were read, and the number of all."""

_COUNT: Final = """
    SELECT count(*) FROM eventstore.event WHERE type = ANY ($1) AND position <= $2
"""
_RETIRED: Final = """
    SELECT retired_version, retired_position, retired_above FROM eventstore.projection
    WHERE name = $1
"""
_REACHED: Final = """
    UPDATE eventstore.projection SET retired_position = $3
    WHERE name = $1 AND retired_position = $2
    RETURNING name
"""


@asynccontextmanager
async def rebuilding(pool: Pool, projection: Projection) -> AsyncIterator[Connection]:
    """Keep other processes from rebuilding this projection. Raises BeingRebuilt."""
    try:
        async with leading(pool, f"rebuild.{projection.name}", wait=False) as connection:
            yield connection
    except LedElsewhere:
        raise BeingRebuilt(projection.name) from None


async def rebuild(
    pool: Pool,
    projection: Projection,
    progress: Progress,
    *,
    accept: bool = False,
    assistants: Assistants = NONE,
) -> int:
    """Make the rebuild that is requested, or resume it, and return the number of events read.

    With `accept` the new copy replaces live tables that differ. Raises RebuildError. The pool has
    no time limit of transactions.
    """
    async with rebuilding(pool, projection) as connection:
        record = await Rebuild.read(connection, projection)
        procedure = Procedure(pool, connection, projection, record, progress)
        try:
            await procedure.run(accept=accept, assistants=assistants)
        except RebuildError as error:
            await record.enter(State.FAILED, str(error))
            raise
        return record.events


class Procedure:
    """The steps of one rebuild, each of which leaves a state that the next call resumes from."""

    def __init__(
        self,
        pool: Pool,
        connection: Connection,
        projection: Projection,
        record: Rebuild,
        progress: Progress,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._projection = projection
        self._record = record
        self._progress = progress
        self._store = PostgresEventStore(pool)
        self._copy = CatchingUp(connection, self._store, projection, Copy.REBUILD)
        self._throttle = Throttle(record.events_per_second)

    async def run(self, *, accept: bool, assistants: Assistants) -> None:
        if not await self._is_resumable():
            await self._start()
        if self._record.state is State.FILLING:
            filling = Filling(self._pool, self._projection, self._record, self._shown)
            await filling.run(assistants)
            await self._record.enter(State.INDEXING)
        await tables.index(self._pool, self._projection)
        await self._record.enter(State.CATCHING_UP)
        await self._catch_up()
        version = await swapping.live_version(self._connection, self._projection)
        if version == self._projection.version and not accept:
            position = self._record.position
            await swapping.verify(self._connection, self._projection, self._copy, position)
        await self._catch_up()
        await tables.drop(self._connection, self._projection, Copy.RETIRED)
        position, fence = self._record.position, self._record.swapped
        await swapping.swap(self._connection, self._projection, self._copy, position, fence)

    async def _is_resumable(self) -> bool:
        is_same = self._record.version == self._projection.version
        is_begun = self._record.state in {State.FILLING, State.INDEXING, State.CATCHING_UP}
        return (
            is_begun
            and is_same
            and await tables.exist(self._connection, self._projection, Copy.REBUILD)
        )

    async def _start(self) -> None:
        """Create the empty copy, and plan how it is filled."""
        head = min(await self._store.safe_head(), await self._copy.last())
        types = sorted(self._projection.types)
        count = await self._connection.fetchval(_COUNT, types, head)
        by_stream = not isinstance(self._projection, Following)
        ranges = await plan(self._connection, self._projection) if by_stream else []
        async with self._connection.transaction():
            await tables.create(self._connection, self._projection)
            position = head if by_stream else 0
            await self._record.start(self._projection.version, head, position, count)
            await self._record.add_ranges(ranges)

    async def _catch_up(self) -> None:
        """Take the events by position, until the copy is near the live tables."""
        while page := await self._copy.next(self._record.position):
            async with self._connection.transaction():
                await self._copy.take(page)
                await self._record.reached(page[-1].position, len(page))
            self._shown()
            if len(page) < NEAR:
                return
            await self._throttle.after(len(page))

    def _shown(self) -> None:
        self._progress(self._record.events, self._record.events_in_all)


async def roll_back(pool: Pool, projection: Projection) -> None:
    """Put the retired tables back, with the events since the swap.

    Raises BeingRebuilt, NothingRetired, OtherVersion or NotSwapped.
    """
    async with rebuilding(pool, projection) as connection:
        row = await connection.fetchrow(_RETIRED, projection.name)
        if row is None or not await tables.exist(connection, projection, Copy.RETIRED):
            raise NothingRetired(projection.name)
        version, position, above = row
        if version != projection.version:
            raise OtherVersion(projection.name, version, projection.version)
        await tables.drop(connection, projection, Copy.REBUILD)
        store = PostgresEventStore(pool)
        copy = CatchingUp(connection, store, projection, Copy.RETIRED, already=above)
        while page := await copy.next(position):
            reached = page[-1].position
            async with connection.transaction():
                await copy.take(page)
                await _retired_reached(connection, projection, position, reached)
            position = reached
        fence = partial(_retired_reached, connection, projection, position, position)
        await swapping.swap(connection, projection, copy, position, fence)


async def _retired_reached(
    connection: Connection, projection: Projection, before: int, position: int
) -> None:
    """Record that the retired copy holds the events up to there.

    Raises LeadLost when another process has taken them, or has put the copy back.
    """
    if not await connection.fetchval(_REACHED, projection.name, before, position):
        raise LeadLost(f"rebuild.{projection.name}")


async def drop_retired(pool: Pool, projection: Projection) -> None:
    """Drop the retired tables, after which there is no way back. Raises BeingRebuilt."""
    async with rebuilding(pool, projection) as connection:
        await tables.drop(connection, projection, Copy.RETIRED)
