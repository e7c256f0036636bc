"""Page by key: each page costs as much as the first, and added rows do not shift it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, exists
from sqlalchemy.ext.asyncio import AsyncConnection

K = TypeVar("K", int, str)
T = TypeVar("T")


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


async def fetch_page(
    connection: AsyncConnection,
    statement: Select[Any],
    key: ColumnElement[Any],
    request: PageRequest[K],
    *,
    descending: bool = False,
) -> Page[Row[Any]]:
    """Return the page, in one statement for each side asked about: three at the most."""
    ascending = descending == request.backward
    wanted = _between(statement, key, request, descending=descending)
    wanted = wanted.order_by(key.asc() if ascending else key.desc()).limit(request.size + 1)
    rows = list((await connection.execute(wanted)).all())
    more, rows = len(rows) > request.size, rows[: request.size]
    if request.backward:
        rows.reverse()
    before = request.after is not None and await _any(
        connection, statement, _up_to(key, request.after, descending=descending)
    )
    behind = request.before is not None and await _any(
        connection, statement, _up_to(key, request.before, descending=not descending)
    )
    if request.backward:
        return Page(rows, has_next=behind, has_previous=before or more)
    return Page(rows, has_next=behind or more, has_previous=before)


def _between(
    statement: Select[Any], key: ColumnElement[Any], request: PageRequest[K], *, descending: bool
) -> Select[Any]:
    if request.after is not None:
        statement = statement.where(~_up_to(key, request.after, descending=descending))
    if request.before is not None:
        statement = statement.where(~_up_to(key, request.before, descending=not descending))
    return statement


def _up_to(key: ColumnElement[Any], bound: K, *, descending: bool) -> ColumnElement[bool]:
    """Select the rows that the list shows up to this key, the key's own included."""
    return key >= bound if descending else key <= bound


async def _any(
    connection: AsyncConnection, statement: Select[Any], condition: ColumnElement[bool]
) -> bool:
    found = exists(statement.where(condition).with_only_columns(1)).select()
    return bool((await connection.execute(found)).scalar_one())
