"""Create the tables of a new copy, index them, and move them between the schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Table

from kit.pool import Connection, Pool
from kit.tasks import together
from projections.copies import Copy
from projections.projection import Projection
from settings import DatabaseRole

_EXISTS: Final = "SELECT to_regclass($1) IS NOT NULL"
_OPTIONS: Final = "SELECT reloptions FROM pg_class WHERE oid = $1::text::regclass"
# INCLUDING ALL without the indexes: an index that exists makes each row dearer.
_CREATE: Final = (
    "CREATE TABLE {copy} (LIKE {live} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS"
    " INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS){options}"
)
_INDEXES: Final = """
    SELECT i.relname AS name, pg_get_indexdef(i.oid) AS definition,
           CASE c.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END AS constraint
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid
    LEFT JOIN pg_constraint AS c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
    WHERE x.indrelid = $1::text::regclass
    ORDER BY i.relname
"""
_IS_CONSTRAINT: Final = """
    SELECT EXISTS (SELECT FROM pg_constraint WHERE conindid = $1::text::regclass)
"""
INDEXES_AT_ONCE: Final = 3
_GRANTS: Final = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {{copy}} TO {DatabaseRole.APPEND.group}",
    f"GRANT SELECT ON {{copy}} TO {DatabaseRole.API.group}",
)


class Index(NamedTuple):
    name: str
    definition: str
    constraint: str | None
    """`PRIMARY KEY` or `UNIQUE`, where the index belongs to such a constraint."""


def named(copy: Copy, table: Table) -> str:
    return f"{copy}.{table.name}"


async def create(connection: Connection, projection: Projection) -> None:
    """Create the empty tables of the copy, without their indexes."""
    async with connection.transaction():
        await drop(connection, projection, Copy.REBUILD)
        for table in projection.tables:
            live, copy = named(Copy.LIVE, table), named(Copy.REBUILD, table)
            options = await connection.fetchval(_OPTIONS, live)
            given = f" WITH ({', '.join(options)})" if options else ""
            await connection.execute(_CREATE.format(copy=copy, live=live, options=given))
            for grant in _GRANTS:
                await connection.execute(grant.format(copy=copy))


async def exist(connection: Connection, projection: Projection, copy: Copy) -> bool:
    """Return whether all tables of this copy exist."""
    found = [await connection.fetchval(_EXISTS, named(copy, t)) for t in projection.tables]
    return all(found)


async def index(pool: Pool, projection: Projection) -> None:
    """Create the indexes that the live tables have, under the same names, and analyse the rows.

    Some are created at once. A repetition after an interruption creates those that are missing.
    """
    for table in projection.tables:
        live, copy = named(Copy.LIVE, table), named(Copy.REBUILD, table)
        indexes = [Index(*row) for row in await pool.fetch(_INDEXES, live)]
        missing = iter([index for index in indexes if not await _exists(pool, index)])
        await together(*(_create(pool, missing, live, copy) for _ in range(INDEXES_AT_ONCE)))
        for index in indexes:
            if index.constraint and not await pool.fetchval(_IS_CONSTRAINT, _in_copy(index)):
                await pool.execute(
                    f"ALTER TABLE {copy} ADD CONSTRAINT {index.name} {index.constraint}"
                    f" USING INDEX {index.name}"
                )
        await pool.execute(f"ANALYZE {copy}")


async def _exists(pool: Pool, index: Index) -> bool:
    return bool(await pool.fetchval(_EXISTS, _in_copy(index)))


def _in_copy(index: Index) -> str:
    return f"{Copy.REBUILD}.{index.name}"


async def _create(pool: Pool, indexes: Iterator[Index], live: str, copy: str) -> None:
    for index in indexes:
        await pool.execute(index.definition.replace(f" ON {live} ", f" ON {copy} "))


async def drop(connection: Connection, projection: Projection, copy: Copy) -> None:
    for table in projection.tables:
        await connection.execute(f"DROP TABLE IF EXISTS {named(copy, table)}")


async def move(connection: Connection, tables: Sequence[Table], source: Copy, to: Copy) -> None:
    """Move the tables, with their indexes and their rights, into another schema."""
    for table in tables:
        await connection.execute(f"ALTER TABLE {named(source, table)} SET SCHEMA {to}")
