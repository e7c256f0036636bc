"""Page by key: each page costs as much as the first, and added rows do not shift it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Tuple
from sqlalchemy.ext.asyncio import AsyncConnection

SortKey = tuple[datetime | int, ...]
K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")
Key = ColumnElement[Any] | Tuple
"""The column that sorts the list, or a tuple of columns whose values are sorted one by one."""


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[K]):
    """`size` rows strictly between two keys of the list: its first ones, or its last ones."""

    size: int
    backward: bool = False
    after: K | None = None
    before: K | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the list's order, and whether the list continues beyond them on either side."""

    items: Sequence[T]
    has_next: bool
    has_previous: bool

    def of(self, convert: Callable[[T], V]) -> Page[V]:
        """Return the page with each of its items converted."""
        return Page([convert(item) for item in self.items], self.has_next, self.has_previous)


async def fetch_page(
    connection: AsyncConnection,
    statement: Select[Any],
    key: Key,
    request: PageRequest[K],
    *,
    descending: bool = False,
) -> Page[Row[Any]]:
    """Return the page, in one statement for each side asked about: three at the most."""
    ascending = descending == request.backward
    wanted = _between(statement, key, request, descending=descending)
    wanted = wanted.order_by(*_sorted(key, ascending=ascending)).limit(request.size + 1)
    rows = list((await connection.execute(wanted)).all())
    more, rows = len(rows) > request.size, rows[: request.size]
    if request.backward:
        rows.reverse()
    before = request.after is not None and await _any(
        connection, statement, key, request.after, descending=descending
    )
    behind = request.before is not None and await _any(
        connection, statement, key, request.before, descending=not descending
    )
    if request.backward:
        return Page(rows, has_next=behind, has_previous=before or more)
    return Page(rows, has_next=behind or more, has_previous=before)


def _between(
    statement: Select[Any], key: Key, request: PageRequest[K], *, descending: bool
) -> Select[Any]:
    if request.after is not None:
        statement = statement.where(~_up_to(key, request.after, descending=descending))
    if request.before is not None:
        statement = statement.where(~_up_to(key, request.before, descending=not descending))
    return statement


def _sorted(key: Key, *, ascending: bool) -> Iterator[ColumnElement[Any]]:
    for column in key.clauses if isinstance(key, Tuple) else (key,):
        yield column.asc() if ascending else column.desc()


def _up_to(key: Key, bound: K, *, descending: bool) -> ColumnElement[bool]:
    """Select the rows that the list shows up to this key, the key's own included."""
    return key >= bound if descending else key <= bound


async def _any(
    connection: AsyncConnection, statement: Select[Any], key: Key, bound: K, *, descending: bool
) -> bool:
    """Return whether a list in this direction has a row up to the bound.

    It looks for the nearest row. For any row, PostgreSQL may read the table from its start, which
    takes long where only the last rows have such keys.
    """
    rows = statement.where(_up_to(key, bound, descending=descending)).with_only_columns(1)
    nearest = rows.order_by(*_sorted(key, ascending=descending)).limit(1)
    return (await connection.execute(nearest)).first() is not None
