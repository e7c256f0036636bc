"""Read and write the rows of a projection's tables in bulk, in one of its copies.

A projection has up to three copies, each in a schema of its own under the same table names: the
live one, the one that a rebuild fills, and the one that the last rebuild replaced. PostgreSQL
changes the schema of a table, with its indexes, in an instant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Final

from sqlalchemy import Table

from kit.pool import Connection
from projections.change import Key, Row
from projections.columns import key_columns, stored_columns, types

Rows = Mapping[Key, Row | None]
"""Rows by key; None for a key without a row."""


class Copy(StrEnum):
    """The schemas of the copies."""

    LIVE = "readmodel"
    REBUILD = "rebuild"
    RETIRED = "retired"
    SCRATCH = "pg_temp"
    """The temporary tables of a session, in which `make verify` replays the log."""


async def load(connection: Connection, copy: Copy, table: Table, keys: Collection[Key]) -> Rows:
    """Return the rows of these keys, in one statement."""
    found: dict[Key, Row | None] = dict.fromkeys(keys)
    names = key_columns(table)
    for record in await connection.fetch(_load(copy, table), *_columns(keys, len(names))):
        row = dict(record)
        found[tuple(row[name] for name in names)] = row
    return found


async def save(connection: Connection, copy: Copy, table: Table, rows: Rows) -> None:
    """Write these rows, and delete those of the keys without a row: at most two statements."""
    if kept := [row for row in rows.values() if row is not None]:
        values = ([row[name] for row in kept] for name in stored_columns(table))
        await connection.execute(_save(copy, table), *values)
    if gone := [key for key, row in rows.items() if row is None]:
        keys = _columns(gone, len(key_columns(table)))
        await connection.execute(_delete(copy, table), *keys)


async def fill(connection: Connection, copy: Copy, table: Table, rows: Iterable[Row]) -> None:
    """Copy these new rows into the table."""
    columns = stored_columns(table)
    await connection.copy_records_to_table(
        table.name,
        schema_name=copy.value,
        columns=list(columns),
        records=[tuple(row[name] for name in columns) for row in rows],
    )


def _columns(keys: Collection[Key], count: int) -> Sequence[list[object]]:
    """Return the keys as a list for each column."""
    return [[key[n] for key in keys] for n in range(count)]


def _arrays(table: Table, columns: Sequence[str]) -> str:
    of = types(table)
    return ", ".join(f"${n}::{of[name]}[]" for n, name in enumerate(columns, start=1))


@cache
def _load(copy: Copy, table: Table) -> str:
    key = ", ".join(key_columns(table))
    columns = ", ".join(stored_columns(table))
    return (
        f"SELECT {columns} FROM {copy}.{table.name}"
        f" JOIN unnest({_arrays(table, key_columns(table))}) AS wanted ({key}) USING ({key})"
    )


@cache
def _save(copy: Copy, table: Table) -> str:
    key, columns = key_columns(table), stored_columns(table)
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    action = f"UPDATE SET {changes}" if changes else "NOTHING"
    return (
        f"INSERT INTO {copy}.{table.name} ({', '.join(columns)})"
        f" SELECT * FROM unnest({_arrays(table, columns)})"
        f" ON CONFLICT ({', '.join(key)}) DO {action}"
    )


@cache
def _delete(copy: Copy, table: Table) -> str:
    names = key_columns(table)
    key = ", ".join(names)
    same = " AND ".join(f"r.{name} = gone.{name}" for name in names)
    return (
        f"DELETE FROM {copy}.{table.name} AS r"
        f" USING unnest({_arrays(table, names)}) AS gone ({key}) WHERE {same}"
    )


KEPT: Final = (Copy.LIVE, Copy.REBUILD, Copy.RETIRED)
"""The copies that outlive a session."""
