"""Create the tables of a new copy, index them, and move them between the schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table

from kit.pool import Connection
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
           c.contype = 'p' AS is_primary, c.conname IS NOT NULL AS is_constraint
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid
    LEFT JOIN pg_constraint AS c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
    WHERE x.indrelid = $1::text::regclass
    ORDER BY i.relname
"""
_GRANTS: Final = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {{copy}} TO {DatabaseRole.APPEND.group}",
    f"GRANT SELECT ON {{copy}} TO {DatabaseRole.API.group}",
)


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


async def index(connection: Connection, projection: Projection) -> None:
    """Create the indexes that the live tables have, under the same names, and analyse the rows.

    A repetition after an interruption creates those that are missing.
    """
    for table in projection.tables:
        live, copy = named(Copy.LIVE, table), named(Copy.REBUILD, table)
        for name, definition, is_primary, is_constraint in await connection.fetch(_INDEXES, live):
            if await connection.fetchval(_EXISTS, f"{Copy.REBUILD}.{name}"):
                continue
            async with connection.transaction():
                await connection.execute(definition.replace(f" ON {live} ", f" ON {copy} "))
                if is_constraint:
                    kind = "PRIMARY KEY" if is_primary else "UNIQUE"
                    await connection.execute(
                        f"ALTER TABLE {copy} ADD CONSTRAINT {name} {kind} USING INDEX {name}"
                    )
        await connection.execute(f"ANALYZE {copy}")


async def drop(connection: Connection, projection: Projection, copy: Copy) -> None:
    for table in projection.tables:
        await connection.execute(f"DROP TABLE IF EXISTS {named(copy, table)}")


async def move(connection: Connection, tables: Sequence[Table], source: Copy, to: Copy) -> None:
    """Move the tables, with their indexes and their rights, into another schema."""
    for table in tables:
        await connection.execute(f"ALTER TABLE {named(source, table)} SET SCHEMA {to}")
