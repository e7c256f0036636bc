"""Put a copy in the place of the live tables, in one short transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final

import asyncpg
from sqlalchemy import Table

from kit.pool import Connection
from projections.copies import Copy
from projections.projection import Following, Projection
from projections.rebuild import tables
from projections.rebuild.catching_up import CatchingUp
from projections.rebuild.errors import CopyDiffers, NotSwapped

LOCK_TIMEOUT: Final = "50ms"
"""All statements on a table wait behind its exclusive lock, and behind the wait for it.

It limits the one statement that locks all the tables: PostgreSQL's own lock_timeout would begin
anew for each of them.
"""
TRIES: Final = 100
PAUSE_SECONDS: Final = 0.2

_CHECKSUM: Final = (
    "SELECT count(*), coalesce(sum(hash_record_extended(r, 0)::numeric), 0) FROM {name} AS r"
)
_ABOVE: Final = """
    SELECT coalesce(array_agg(position), '{}') FROM eventstore.event
    WHERE position > $1 AND type = ANY ($2)
"""
_SWAPPED: Final = """
    INSERT INTO eventstore.projection AS p
        (name, version, built_at, retired_version, retired_position, retired_above)
    VALUES ($1, $2, clock_timestamp(), $3, $4, $5)
    ON CONFLICT (name) DO UPDATE
    SET version = $2, built_at = clock_timestamp(), fault = NULL,
        retired_version = $3, retired_position = $4, retired_above = $5
"""
_VERSION: Final = (
    "SELECT version FROM eventstore.projection WHERE name = $1 AND built_at IS NOT NULL"
)
_HEAD: Final = "SELECT eventstore.safe_head()"


async def live_version(connection: Connection, projection: Projection) -> int:
    """Return the version of the live tables: the first one, unless a rebuild has recorded it.

    Each version of a following projection has tables of its own.
    """
    if isinstance(projection, Following):
        return projection.version
    return await connection.fetchval(_VERSION, projection.name) or 1


async def verify(connection: Connection, projection: Projection, copy: CatchingUp, at: int) -> None:
    """Compare the copy with the live tables, in one snapshot. Raises CopyDiffers.

    The copy takes the events that the snapshot shows, and is rolled back to `at` afterwards.
    """
    snapshot = connection.transaction(isolation="repeatable_read")
    await snapshot.start()
    try:
        await copy.take_visible(at)
        for table in projection.tables:
            live = await _checksum(connection, Copy.LIVE, table)
            copied = await _checksum(connection, Copy.REBUILD, table)
            if live != copied:
                raise CopyDiffers(projection.name, table.name, live[0], copied[0])
    finally:
        await snapshot.rollback()


async def _checksum(connection: Connection, copy: Copy, table: Table) -> tuple[int, Decimal]:
    """Return the number of rows, and a sum that does not depend on their order."""
    name = tables.named(copy, table)
    row = await connection.fetchrow(_CHECKSUM.format(name=name))
    assert row is not None  # noqa: S101 - an aggregate returns one row
    return row[0], row[1]


Fence = Callable[[], Awaitable[None]]
"""Record the swap in its transaction. Raises LeadLost when another process has gone on."""


async def swap(
    connection: Connection, projection: Projection, copy: CatchingUp, at: int, fence: Fence
) -> None:
    """Exchange the live tables and those of the copy; the former live ones are retired.

    Raises NotSwapped, or LeadLost. An append that waits for the lock finds the new tables behind
    it, because PostgreSQL looks a name up again once it has the lock.
    """
    for _ in range(TRIES):
        try:
            async with connection.transaction():
                await fence()
                await _lock(connection, projection)
                await _swap(connection, projection, copy, at)
        except (asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
    raise NotSwapped(projection.name, TRIES)


async def _lock(connection: Connection, projection: Projection) -> None:
    names = ", ".join(tables.named(Copy.LIVE, table) for table in projection.tables)
    await connection.execute(f"SET LOCAL statement_timeout = '{LOCK_TIMEOUT}'")
    await connection.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    await connection.execute("SET LOCAL statement_timeout TO DEFAULT")


async def _swap(connection: Connection, projection: Projection, copy: CatchingUp, at: int) -> None:
    # The rows of every event that is visible now are in the live tables, and no others.
    version = await live_version(connection, projection)
    position = min(await connection.fetchval(_HEAD), await copy.last())
    await copy.take_visible(at)
    above = await _above(connection, projection, position, await copy.last())
    await _exchange(connection, projection, copy.copy)
    row = (projection.version, version, position, above)
    await connection.execute(_SWAPPED, projection.name, *row)


async def _above(
    connection: Connection, projection: Projection, position: int, last: int
) -> Sequence[int]:
    """Return the positions above the safe head whose rows the retired tables hold."""
    found = await connection.fetchval(_ABOVE, position, sorted(projection.types))
    return [visible for visible in found if visible <= last]


async def _exchange(connection: Connection, projection: Projection, source: Copy) -> None:
    if source is Copy.REBUILD:
        await tables.move(connection, projection.tables, Copy.LIVE, Copy.RETIRED)
        await tables.move(connection, projection.tables, Copy.REBUILD, Copy.LIVE)
    else:
        await tables.move(connection, projection.tables, Copy.LIVE, Copy.REBUILD)
        await tables.move(connection, projection.tables, Copy.RETIRED, Copy.LIVE)
        await tables.move(connection, projection.tables, Copy.REBUILD, Copy.RETIRED)
