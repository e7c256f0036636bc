"""Fold the changes of many events into whole rows, and write each row once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Table

from kit.pool import Connection
from projections import copies
from projections.change import Change, Given, Key, Row, Step, evolve
from projections.copies import Copy

RowsOfTables = Mapping[Table, Mapping[Key, Row | None]]


class Fold:
    """The rows that a batch of events reads and changes, by table and key.

    A change of a row that is not loaded waits until all the rows of the batch are loaded. So a
    batch costs at most three statements for each table, however many events it has.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[Table, dict[Key, Row | None]] = defaultdict(dict)
        self._changed: defaultdict[Table, set[Key]] = defaultdict(set)
        self._waiting: defaultdict[Table, defaultdict[Key, list[Change]]] = defaultdict(
            lambda: defaultdict(list)
        )

    async def add(self, connection: Connection, copy: Copy, steps: Sequence[Step]) -> None:
        """Make the steps in order, reading the rows of this copy that they depend on."""
        await self._load(connection, copy, _keys(s for s in steps if isinstance(s, Given)))
        for step in steps:
            self._make(step)
        await self._load(
            connection, copy, {table: set(keys) for table, keys in self._waiting.items()}
        )
        for table, waiting in self._waiting.items():
            for key, changes in waiting.items():
                for change in changes:
                    self._change(table, key, change)
        self._waiting.clear()

    def start(self, steps: Iterable[Step]) -> None:
        """Make the changes of streams from their beginning, before which they have no rows."""
        for step in steps:
            if isinstance(step, Given):
                raise TypeError("only a projection that follows the log may ask for a row")
            rows = self._rows[step.table]
            rows[step.key] = evolve(rows.get(step.key), step)
            self._changed[step.table].add(step.key)

    @property
    def changed(self) -> RowsOfTables:
        """The rows that have changed, with None for those that are gone."""
        return {
            table: {key: self._rows[table][key] for key in keys}
            for table, keys in self._changed.items()
        }

    async def save(self, connection: Connection, copy: Copy) -> None:
        for table, rows in self.changed.items():
            await copies.save(connection, copy, table, rows)

    def _make(self, step: Step) -> None:
        if isinstance(step, Given):
            row = self._rows[step.table][step.key]
            for change in step.changes(None if row is None else row.copy()):
                self._make(change)
        elif step.key in self._rows[step.table]:
            self._change(step.table, step.key, step)
        else:
            self._waiting[step.table][step.key].append(step)

    def _change(self, table: Table, key: Key, change: Change) -> None:
        rows = self._rows[table]
        rows[key] = evolve(rows[key], change)
        self._changed[table].add(key)

    async def _load(
        self, connection: Connection, copy: Copy, wanted: Mapping[Table, Iterable[Key]]
    ) -> None:
        for table, keys in wanted.items():
            known = self._rows[table]
            if missing := [key for key in keys if key not in known]:
                known.update(await copies.load(connection, copy, table, missing))


def _keys(steps: Iterable[Given]) -> Mapping[Table, set[Key]]:
    keys: defaultdict[Table, set[Key]] = defaultdict(set)
    for step in steps:
        keys[step.table].add(step.key)
    return keys
