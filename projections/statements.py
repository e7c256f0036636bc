"""Write a change as one SQL statement, for the transaction that appends its event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Table

from projections.change import Appended, Change, IfEqual, Initially, Kind, Plus
from projections.columns import defaults, key_columns

READ_MODELS = "readmodel"
"""The schema of the live tables."""


class UnsupportedChange(Exception):
    """A projection asks for a change that no statement makes as the fold in memory does."""

    def __init__(self, kind: Kind, table: Table, what: str) -> None:
        super().__init__(f"no {kind.name} of {table.name} {what}")


class Statement(NamedTuple):
    """A statement and its arguments."""

    sql: str
    arguments: tuple[object, ...]


class Operation(NamedTuple):
    """How a column changes: without the values, so that equal changes share their SQL."""

    column: str
    kind: type
    other: str = ""
    """The column that IfEqual compares."""


def statement(change: Change) -> Statement:
    """Return the statement that makes the change to the live table."""
    values = (*change.key, *(a for v in change.values.values() for a in arguments(v)))
    return Statement(_sql(change.kind, change.table, operations(change)), values)


def operations(change: Change) -> tuple[Operation, ...]:
    """Return how each column changes."""
    return tuple(_operation(*item) for item in change.values.items())


def _operation(column: str, value: object) -> Operation:
    match value:
        case Plus() | Appended() | Initially():
            return Operation(column, type(value))
        case IfEqual(other):
            return Operation(column, IfEqual, other)
        case _:
            return Operation(column, object)


def arguments(value: object) -> tuple[object, ...]:
    """Return the arguments that a column's change takes."""
    match value:
        case Plus(argument) | Appended(argument) | Initially(argument):
            return (argument,)
        case IfEqual(_, wanted, then):
            return (wanted, then)
        case _:
            return (value,)


_OF_A_ROW: Final = frozenset({Appended, IfEqual})
"""The operations on a row that is there."""


def check(kind: Kind, table: Table, done: Sequence[Operation]) -> None:
    """Raise UnsupportedChange for a change whose statement would be wrong."""
    if kind is Kind.UPDATE and not done:
        raise UnsupportedChange(kind, table, "changes no column")
    for column, operation, _ in done:
        if kind is Kind.UPDATE:
            is_wrong = operation is Initially
        elif operation is Plus:
            is_wrong = defaults(table)[column] != 0
        else:
            is_wrong = operation in _OF_A_ROW
        if is_wrong:
            raise UnsupportedChange(
                kind, table, f"takes {operation.__name__} for its column {column}"
            )


@cache
def _sql(kind: Kind, table: Table, done: tuple[Operation, ...]) -> str:
    check(kind, table, done)
    name, key = f"{READ_MODELS}.{table.name}", key_columns(table)
    where = " AND ".join(f"{column} = ${n}" for n, column in enumerate(key, start=1))
    columns = ", ".join((*key, *(operation.column for operation in done)))
    placeholders = ", ".join(f"${n}" for n in range(1, len(key) + len(done) + 1))
    assignments = ", ".join(_assignments(done, len(key) + 1))
    match kind:
        case Kind.DELETE:
            return f"DELETE FROM {name} WHERE {where}"
        case Kind.UPDATE:
            return f"UPDATE {name} AS r SET {assignments} WHERE {where}"
        case Kind.INSERT:
            return f"INSERT INTO {name} ({columns}) VALUES ({placeholders})"
        case Kind.UPSERT:
            change = f"DO UPDATE SET {assignments}" if assignments else "DO NOTHING"
            return (
                f"INSERT INTO {name} AS r ({columns}) VALUES ({placeholders})"
                f" ON CONFLICT ({', '.join(key)}) {change}"
            )


def _assignments(done: tuple[Operation, ...], first: int) -> Iterator[str]:
    n = first
    for column, kind, other in done:
        if kind is Plus:
            yield f"{column} = r.{column} + ${n}"
        elif kind is Appended:
            yield f"{column} = r.{column} || jsonb_build_array(${n}::jsonb)"
        elif kind is IfEqual:
            yield f"{column} = CASE WHEN r.{other} = ${n} THEN ${n + 1} ELSE r.{column} END"
            n += 1
        elif kind is not Initially:
            yield f"{column} = ${n}"
        n += 1
