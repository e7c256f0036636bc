"""Rebuild read models in temporary tables, and compare the live tables with them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final, NamedTuple, Self

from kit.pool import Connection
from projections.change import Change
from projections.differences import Difference

LIVE: Final = "readmodel."
SCRATCH: Final = "pg_temp."
"""The schema of the temporary tables of a session: no other session sees them."""

_TABLE: Final = re.compile(r"\breadmodel\.(\w+)")
_READ_MODELS: Final = """
    SELECT c.relname::text AS name,
           array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum)) AS key
    FROM pg_class AS c
    JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE c.relnamespace = to_regnamespace('readmodel') AND c.relkind = 'r'
    GROUP BY c.relname
    ORDER BY c.relname
"""
_CREATE: Final = "CREATE TEMPORARY TABLE {name} (LIKE readmodel.{name} INCLUDING ALL)"
_COUNT: Final = "SELECT count(*) FROM pg_temp.{name}"
_COMPARE: Final = """
    SELECT to_jsonb(live) AS live, to_jsonb(replayed) AS replayed, count(*) OVER () AS in_all
    FROM readmodel.{name} AS live FULL JOIN pg_temp.{name} AS replayed USING ({key})
    WHERE live IS DISTINCT FROM replayed
    ORDER BY {key}
    LIMIT $1
"""


class ReadModel(NamedTuple):
    """A table of schema `readmodel`."""

    name: str
    key: Sequence[str]


class Comparison(NamedTuple):
    """The first differences of one table, and how many rows there are in all."""

    replayed: int
    differing: int
    differences: Sequence[Difference]


@cache
def in_scratch(sql: str) -> str:
    """Return the statement of a projection, with the temporary tables for the live ones."""
    return sql.replace(LIVE, SCRATCH)


@cache
def tables_of(sql: str) -> Collection[str]:
    """Return the read models that the statement names. The erasure of a key names none."""
    return frozenset(_TABLE.findall(sql))


async def read_models(connection: Connection) -> Sequence[ReadModel]:
    return [ReadModel(*row) for row in await connection.fetch(_READ_MODELS)]


class Scratch:
    """Empty copies of read models, on one connection.

    Change them in read-only transactions. There PostgreSQL refuses a change of any other table,
    such as a live one or the customers' keys.
    """

    def __init__(self, connection: Connection, compared: Sequence[ReadModel]) -> None:
        self.connection = connection
        self.compared = compared
        self._names = frozenset(model.name for model in compared)

    @classmethod
    async def create(cls, connection: Connection, compared: Sequence[ReadModel]) -> Self:
        """Copy every read model, since one statement may change a compared one and another."""
        await connection.execute("SET TIME ZONE 'UTC'")
        for model in await read_models(connection):
            await connection.execute(_CREATE.format(name=model.name))
        return cls(connection, compared)

    async def apply(self, change: Change) -> None:
        """Apply the change, if it is one of a compared table."""
        if not self._names.isdisjoint(tables_of(change.sql)):
            await self.connection.execute(in_scratch(change.sql), *change.arguments)

    async def compare(self, model: ReadModel, max_shown: int) -> Comparison:
        name, key = model.name, ", ".join(model.key)
        replayed = await self.connection.fetchval(_COUNT.format(name=name))
        rows = await self.connection.fetch(_COMPARE.format(name=name, key=key), max_shown)
        found = [
            (
                row["live"] and json.loads(row["live"]),
                row["replayed"] and json.loads(row["replayed"]),
            )
            for row in rows
        ]
        differences = [
            Difference(name, {column: (live or other)[column] for column in model.key}, live, other)
            for live, other in found
        ]
        return Comparison(replayed, rows[0]["in_all"] if rows else 0, differences)
