"""The changes that an event makes to the rows of read models.

A change is data. So the engine makes the same change in two ways: as one SQL statement, in the
transaction that appends the event (`projections/statements.py`), or in memory, where it folds many
events into whole rows and writes each row once (`projections/fold.py`). A test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Table

from projections.columns import defaults, key_columns

Key = tuple[object, ...]
"""The values of the primary key, in its order."""

Row = dict[str, Any]
"""A row by column, without its computed columns. A column of type jsonb holds JSON text."""


class RowExists(Exception):
    """An event inserts a row that is there already."""

    def __init__(self, table: str) -> None:
        super().__init__(f"the row to insert into {table} exists already")


class Kind(Enum):
    INSERT = auto()
    UPSERT = auto()
    UPDATE = auto()
    DELETE = auto()


class Plus(NamedTuple):
    """Add a number to the column. A new row begins at 0."""

    number: int


class Appended(NamedTuple):
    """Append an element, as JSON text, to the column's JSON array."""

    element: str


class Initially(NamedTuple):
    """Set the column of a new row only."""

    value: object


class IfEqual(NamedTuple):
    """Set the column to `then` if another column has this value, and keep it otherwise."""

    column: str
    value: object
    then: object


@dataclass(frozen=True, slots=True)
class Change:
    """Insert, upsert, update or delete one row. An update of a missing row changes nothing."""

    kind: Kind
    table: Table
    key: Key
    values: Mapping[str, object]
    """By column: the new value, or one of the operations above."""


@dataclass(frozen=True, slots=True)
class Given:
    """Changes that depend on a row, which a following projection alone may ask for."""

    table: Table
    key: Key
    changes: Callable[[Row | None], Sequence[Change]]
    """Return the changes, given the row as the earlier events left it."""


Step: TypeAlias = Change | Given


def insert(table: Table, key: object, /, **values: object) -> Change:
    return Change(Kind.INSERT, table, _key(key), values)


def upsert(table: Table, key: object, /, **values: object) -> Change:
    return Change(Kind.UPSERT, table, _key(key), values)


def update(table: Table, key: object, /, **values: object) -> Change:
    return Change(Kind.UPDATE, table, _key(key), values)


def delete(table: Table, key: object, /) -> Change:
    return Change(Kind.DELETE, table, _key(key), {})


def _key(key: object) -> Key:
    return key if isinstance(key, tuple) else (key,)


def evolve(row: Row | None, change: Change) -> Row | None:
    """Return the row after the change, None for no row. Raises RowExists.

    The given row may be changed in place.
    """
    kind, values = change.kind, change.values
    is_new = row is None
    if kind is Kind.DELETE or (is_new and kind is Kind.UPDATE):
        return None
    if row is None:
        row = _new_row(change)
    elif kind is Kind.INSERT:
        raise RowExists(change.table.name)
    # A rebuild spends much of its time here, and most values are plain ones.
    if _OPERATIONS.isdisjoint(map(type, values.values())):
        row.update(values)
        return row
    before = row.copy()
    for column, value in values.items():
        row[column] = _changed(column, value, before, is_new=is_new)
    return row


def _new_row(change: Change) -> Row:
    row = dict(defaults(change.table))
    row.update(zip(key_columns(change.table), change.key, strict=True))
    return row


_OPERATIONS: Final = frozenset({Plus, Appended, Initially, IfEqual})


def _changed(column: str, value: object, before: Row, *, is_new: bool) -> object:
    match value:
        case Plus(number):
            return before[column] + number
        case Appended(element):
            return json.dumps([*json.loads(before[column]), json.loads(element)])
        case Initially(first):
            return first if is_new else before[column]
        case IfEqual(other, wanted, then):
            return then if before[other] == wanted else before[column]
        case _:
            return value
