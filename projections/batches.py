"""Make the changes of one append in few statements: one for all rows that change in the same way.

So the statements of an append do not grow with the number of its streams.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from functools import cache
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
    operations,
    statement,
)

_GROUPED: Final = frozenset({object, Plus, Initially})
"""The operations that need nothing but the row itself and the new value."""


class Caused(NamedTuple):
    """A change with the projection and the event that it comes from."""

    projection: str
    stored: StoredEvent
    change: Change


Batch = Sequence[Caused]


def batches(changes: Iterable[Caused]) -> Collection[Batch]:
    """Group the changes by their statements.

    Changes of different rows can be made in any order. A row that changes more than once keeps the
    order of its changes, and so each of them is a batch of its own.
    """
    changes = list(changes)
    if len(changes) == 1:
        return [changes]
    rows = Counter((c.change.table, c.change.key) for c in changes)
    found: dict[Hashable, list[Caused]] = {}
    for number, caused in enumerate(changes):
        is_alone = rows[caused.change.table, caused.change.key] == 1
        form = _form(caused.change) if is_alone else None
        found.setdefault(number if form is None else form, []).append(caused)
    return found.values()


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
