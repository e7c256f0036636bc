"""Rebuild read models in temporary tables, and compare the live tables with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from eventstore.envelope import StoredEvent
from kit.pool import Connection
from projections.change import Step
from projections.columns import key_columns
from projections.copies import Copy
from projections.differences import Difference
from projections.fold import Fold
from projections.projection import Projection

_CREATE: Final = "CREATE TEMPORARY TABLE {name} (LIKE readmodel.{name} INCLUDING ALL)"
_COUNT: Final = "SELECT count(*) FROM pg_temp.{name}"
_COMPARE: Final = """
    SELECT to_jsonb(live) AS live, to_jsonb(replayed) AS replayed, count(*) OVER () AS in_all
    FROM readmodel.{name} AS live FULL JOIN pg_temp.{name} AS replayed USING ({key})
    WHERE live IS DISTINCT FROM replayed
    ORDER BY {key}
    LIMIT $1
"""


class Comparison(NamedTuple):
    """The first differences of one table, and how many rows there are in all."""

    replayed: int
    differing: int
    differences: Sequence[Difference]


class Scratch:
    """Empty copies of the tables of some projections, on one connection.

    Change them in read-only transactions. There PostgreSQL refuses a change of any other table,
    such as a live one or the customers' keys.
    """

    def __init__(self, connection: Connection, projections: Sequence[Projection]) -> None:
        self.connection = connection
        self.projections = projections

    async def create(self) -> None:
        await self.connection.execute("SET TIME ZONE 'UTC'")
        for table in self.tables:
            await self.connection.execute(_CREATE.format(name=table.name))

    @property
    def tables(self) -> Sequence[Table]:
        return [table for projection in self.projections for table in projection.tables]

    async def apply(self, page: Sequence[StoredEvent]) -> None:
        """Apply the events to the copies of the projections that take them."""
        steps = [step for stored in page for step in self._steps(stored)]
        fold = Fold()
        await fold.add(self.connection, Copy.SCRATCH, steps)
        await fold.save(self.connection, Copy.SCRATCH)

    def _steps(self, stored: StoredEvent) -> Sequence[Step]:
        """Raises UnknownEventType, also if no projection takes the event."""
        takers = [p for p in self.projections if stored.type in p.types]
        if not takers:
            stored.decode()
        return [step for projection in takers for step in projection.changes(stored)]

    async def compare(self, table: Table, max_shown: int) -> Comparison:
        name, key = table.name, key_columns(table)
        replayed = await self.connection.fetchval(_COUNT.format(name=name))
        compare = _COMPARE.format(name=name, key=", ".join(key))
        rows = await self.connection.fetch(compare, max_shown)
        differences = [_difference(name, key, *_decoded(row)) for row in rows]
        return Comparison(replayed, rows[0]["in_all"] if rows else 0, differences)


def _decoded(row: Any) -> Iterator[dict[str, Any] | None]:  # noqa: ANN401 - asyncpg's record
    for side in (row["live"], row["replayed"]):
        yield side and json.loads(side)


def _difference(
    name: str, key: Sequence[str], live: dict[str, Any] | None, replayed: dict[str, Any] | None
) -> Difference:
    either = live or replayed or {}
    return Difference(name, {column: either[column] for column in key}, live, replayed)
