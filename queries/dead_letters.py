"""The dead letters of the event bus's consumers, as operators read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BindParameter, Row, Select, bindparam, column, func, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from queries.keyset import Page, PageRequest, fetch_page

MAX_BODY_SHOWN: Final = 16_384
"""The bytes of a message that a list shows, so that a page stays small."""

_LETTER: Final = table(
    "dead_letter",
    *(column(name) for name in ("id", "group_name", "key", "message_id", "event_type", "origin")),
    *(column(name) for name in ("body", "state", "attempts", "cause")),
    *(column(name) for name in ("stored_at", "first_failed_at", "last_failed_at", "next_try_at")),
    schema="eventstore",
)
_SHOWN: Final[Select[Any]] = select(
    *(each for each in _LETTER.c if each.name != "body"),
    func.substring(_LETTER.c.body, 1, MAX_BODY_SHOWN).label("body"),
    func.octet_length(_LETTER.c.body).label("body_bytes"),
)
_ACTIONS: Final = text("""
    SELECT letter_id, action, actor, reason, at
    FROM eventstore.dead_letter_action
    WHERE letter_id = ANY(:letters)
    ORDER BY id
""")
_FIGURES: Final = text("""
    SELECT group_name, state, count(*) AS letters,
           coalesce(greatest(
               extract(epoch FROM clock_timestamp() - min(first_failed_at)), 0
           ), 0) AS seconds
    FROM eventstore.dead_letter
    GROUP BY group_name, state
    ORDER BY group_name, state
""")


class DeadLetterState(StrEnum):
    RETRYING = "retrying"
    """The group tries the message again by itself."""
    DEAD = "dead"
    """The message has failed too often: it waits for an operator."""
    WAITING = "waiting"
    """The message has not been tried: it waits behind an earlier one of its stream."""


class DeadLetterActionKind(StrEnum):
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class DeadLetterAction:
    """The act of an operator on a letter, which may be gone since."""

    letter_id: int
    kind: DeadLetterActionKind
    actor: str
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """None restricts nothing."""

    group: str | None = None
    state: DeadLetterState | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    id: int
    group: str
    key: str
    """The stream of the event, or the broker's key of a message that is no event."""
    message_id: UUID
    """The id of the event, or an id derived from the origin of a message that is no event."""
    event_type: str | None
    origin: str
    state: DeadLetterState
    attempts: int
    cause: str | None
    stored_at: datetime
    first_failed_at: datetime | None
    """None for a message that has not been tried."""
    last_failed_at: datetime | None
    next_try_at: datetime | None
    body: bytes
    """The first MAX_BODY_SHOWN bytes of the message."""
    body_bytes: int
    """The size of the whole message."""
    actions: Sequence[DeadLetterAction]
    """The oldest first."""


@dataclass(frozen=True, slots=True)
class DeadLetterFigures:
    """The letters of one group in one state."""

    group: str
    state: DeadLetterState
    letters: int
    oldest_seconds: float
    """The seconds since the first of them failed for the first time; 0 if none has been tried."""


class DeadLetterQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def page(self, wanted: DeadLetterFilter, request: PageRequest[int]) -> Page[DeadLetter]:
        """Return letters in the order in which they were stored, the oldest first."""
        statement = _restricted(_SHOWN, wanted)
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, statement, _LETTER.c.id, request)
            actions = await _actions(connection, [row.id for row in page.items])
        return page.of(lambda row: _letter(row, actions))

    async def count(self, wanted: DeadLetterFilter) -> int:
        async with self._engine.connect() as connection:
            counted = _restricted(select(func.count()).select_from(_LETTER), wanted)
            return int((await connection.execute(counted)).scalar_one())

    async def get(self, letter_id: int) -> DeadLetter | None:
        statement = _SHOWN.where(_LETTER.c.id == letter_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
            actions = await _actions(connection, [letter_id])
        return None if row is None else _letter(row, actions)

    async def figures(self) -> Sequence[DeadLetterFigures]:
        """Return figures for each group and state that has letters."""
        async with self._engine.connect() as connection:
            return [_figures(row) for row in await connection.execute(_FIGURES)]


def problem(figures: Sequence[DeadLetterFigures]) -> str | None:
    """Return a line about the letters that wait for an operator."""
    dead = [each for each in figures if each.state is DeadLetterState.DEAD]
    if not dead:
        return None
    counts = ", ".join(f"{each.letters} of {each.group}" for each in dead)
    age = max(each.oldest_seconds for each in dead)
    return (
        f"dead letters wait for an operator: {counts}; the oldest failed first {age:.0f} s ago:"
        " list them with `deadLetters(state: DEAD)`, and redrive or discard each"
    )


def _restricted(statement: Select[Any], wanted: DeadLetterFilter) -> Select[Any]:
    if wanted.group is not None:
        statement = statement.where(_LETTER.c.group_name == wanted.group)
    if wanted.state is not None:
        # PostgreSQL sees the value. With a parameter it may scan all letters for a rare state.
        state: BindParameter[str] = bindparam("state", str(wanted.state), literal_execute=True)
        statement = statement.where(_LETTER.c.state == state)
    return statement


async def _actions(
    connection: AsyncConnection, letters: Sequence[int]
) -> Mapping[int, Sequence[DeadLetterAction]]:
    actions: defaultdict[int, list[DeadLetterAction]] = defaultdict(list)
    for row in await connection.execute(_ACTIONS, {"letters": letters}):
        kind = DeadLetterActionKind(row.action)
        action = DeadLetterAction(row.letter_id, kind, row.actor, row.reason, row.at)
        actions[row.letter_id].append(action)
    return actions


def _letter(row: Row[Any], actions: Mapping[int, Sequence[DeadLetterAction]]) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        group=row.group_name,
        key=row.key,
        message_id=row.message_id,
        event_type=row.event_type,
        origin=row.origin,
        state=DeadLetterState(row.state),
        attempts=row.attempts,
        cause=row.cause,
        stored_at=row.stored_at,
        first_failed_at=row.first_failed_at,
        last_failed_at=row.last_failed_at,
        next_try_at=row.next_try_at,
        body=row.body,
        body_bytes=row.body_bytes,
        actions=actions.get(row.id, ()),
    )


def _figures(row: Row[Any]) -> DeadLetterFigures:
    state = DeadLetterState(row.state)
    return DeadLetterFigures(row.group_name, state, row.letters, float(row.seconds))
