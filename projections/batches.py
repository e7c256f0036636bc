"""Make the changes of one append in few statements: one for all rows that change in the same way.

So the statements of an append do not grow with the number of its streams.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import Table

from eventstore.envelope import StoredEvent
from projections.change import Change, Initially, Kind, Plus
from projections.columns import key_columns, types
from projections.statements import (
    READ_MODELS,
    Operation,
    Statement,
    arguments,
    check,
    operations,
    statement,
)

_GROUPED: Final = frozenset({object, Plus, Initially})
"""The operations that need nothing but the row itself and the new value."""
_REPEATED: Final = frozenset({Kind.UPDATE, Kind.UPSERT})
"""The changes that can be made to a row again."""


class Caused(NamedTuple):
    """A change with the projection and the event that it comes from."""

    projection: str
    stored: StoredEvent
    change: Change


Batch = Sequence[Caused]


def batches(changes: Iterable[Caused]) -> Sequence[Batch]:
    """Group the changes by their statements.

    Changes of different rows can be made in any order. The changes of one row keep their order: the
    first ones of all rows come first, then the second ones, and so on.
    """
    rows: defaultdict[Hashable, list[Caused]] = defaultdict(list)
    for caused in changes:
        row = rows[caused.change.table, caused.change.key]
        merged = _merged(row[-1].change, caused.change) if row else None
        if merged is None:
            row.append(caused)
        else:
            row[-1] = row[-1]._replace(change=merged)
    found: dict[tuple[int, Hashable], list[Caused]] = {}
    for row in rows.values():
        for rank, caused in enumerate(row):
            form = _form(caused.change)
            own = rank, object() if form is None else form
            found.setdefault(own, []).append(caused)
    return [found[rank, form] for rank, form in sorted(found, key=itemgetter(0))]


def _merged(first: Change, second: Change) -> Change | None:
    """Return the change of a row that does what these two do, one after the other, if there is one.

    A product that many orders reserve in one transaction changes by one statement.
    """
    form = _form(first)
    if first.kind not in _REPEATED or form is None or form != _form(second):
        return None
    values = {c: _both(value, second.values[c]) for c, value in first.values.items()}
    return replace(first, values=values)


def _both(first: object, second: object) -> object:
    match first, second:
        case Plus(one), Plus(other):
            return Plus(one + other)
        case Initially(), _:
            return first
        case _:
            return second


def statement_of(batch: Batch) -> Statement:
    """Return the statement that makes all the changes of the batch."""
    first = batch[0].change
    if len(batch) == 1:
        return statement(first)
    rows = ((*c.change.key, *_values(c.change)) for c in batch)
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    return Statement(_sql(first.kind, first.table, operations(first)), columns)


def _values(change: Change) -> Iterator[object]:
    return (value for each in change.values.values() for value in arguments(each))


def _form(change: Change) -> Hashable:
    """Return what the changes of one statement have in common; None for a change that needs its
    own."""
    done = operations(change)
    if not _GROUPED.issuperset(operation.kind for operation in done):
        return None
    return change.kind, change.table, done


@cache
def _sql(kind: Kind, table: Table, done: tuple[Operation, ...]) -> str:
    check(kind, table, done)
    name, key = f"{READ_MODELS}.{table.name}", key_columns(table)
    columns = (*key, *(operation.column for operation in done))
    arrays = ", ".join(f"${n}::{types(table)[c]}[]" for n, c in enumerate(columns, start=1))
    new = f"unnest({arrays}) AS n ({', '.join(columns)})"
    same_key = " AND ".join(f"r.{column} = n.{column}" for column in key)
    insert = f"INSERT INTO {name} AS r ({', '.join(columns)}) SELECT * FROM {new}"  # noqa: S608 - of our own parts
    match kind:
        case Kind.DELETE:
            return f"DELETE FROM {name} AS r USING {new} WHERE {same_key}"  # noqa: S608 - as above
        case Kind.UPDATE:
            assigned = _assignments(done, "n")
            return f"UPDATE {name} AS r SET {assigned} FROM {new} WHERE {same_key}"  # noqa: S608 - as above
        case Kind.INSERT:
            return insert
        case Kind.UPSERT:
            assigned = _assignments(done, "excluded")
            change = f"DO UPDATE SET {assigned}" if assigned else "DO NOTHING"
            return f"{insert} ON CONFLICT ({', '.join(key)}) {change}"


def _assignments(done: Iterable[Operation], new: str) -> str:
    return ", ".join(
        f"{column} = r.{column} + {new}.{column}" if kind is Plus else f"{column} = {new}.{column}"
        for column, kind, _ in done
        if kind is not Initially
    )
