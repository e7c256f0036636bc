"""What the projections must know of a table: its key, its stored columns, types and defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.schema import ScalarElementColumnDefault

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]


@cache
def key_columns(table: Table) -> Sequence[str]:
    return tuple(column.name for column in table.primary_key.columns)


@cache
def stored_columns(table: Table) -> Sequence[str]:
    """Return all columns but those that PostgreSQL computes."""
    return tuple(column.name for column in table.columns if column.computed is None)


@cache
def types(table: Table) -> Mapping[str, str]:
    return {column.name: column.type.compile(_DIALECT) for column in table.columns}


@cache
def defaults(table: Table) -> Mapping[str, Any]:
    """Return the values of a new row, as PostgreSQL's own defaults are. A test compares them."""
    return {name: _default(table.c[name]) for name in stored_columns(table)}


def _default(column: Column[Any]) -> object:
    return column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None
