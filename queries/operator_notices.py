"""The notices to operators, with their acknowledgements and the messages that said them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from notifications.operators.causes import CauseKind
from queries.keyset import Page, PageRequest, fetch_page

OPEN: Final = "open"
UNACKNOWLEDGED: Final = "unacknowledged"

_NOTICE: Final = table(
    "operator_notice",
    *map(
        column,
        (
            *("id", "kind", "subject", "order_number", "detail", "since", "opened_at", "closed_at"),
            *("acknowledged_at", "acknowledged_by", "note"),
        ),
    ),
    schema="eventstore",
)
_MESSAGES: Final = text("""
    SELECT n.notice_id, split_part(n.target, ':', 1) AS channel, n.occasion, m.state, m.attempts,
           m.cause, m.ended_at
    FROM eventstore.operator_notice_message AS n
    JOIN eventstore.operator_message AS m ON m.id = n.message_id
    WHERE n.notice_id = ANY(:ids)
    ORDER BY n.said_at, n.target
""")
_FIGURES: Final = text("""
    SELECT kind, count(*) AS open, count(*) FILTER (WHERE acknowledged_at IS NULL) AS unacknowledged
    FROM eventstore.operator_notice
    WHERE closed_at IS NULL
    GROUP BY kind
""")


@dataclass(frozen=True, slots=True)
class AcknowledgementView:
    actor: str
    at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class NoticeMessageView:
    """A message, to one target, that said the notice."""

    channel: str
    is_reminder: bool
    state: str
    attempts: int
    cause: str | None
    """Why the last attempt failed."""
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeView:
    id: int
    kind: CauseKind
    subject: str
    order_number: str | None
    detail: str
    since: datetime
    opened_at: datetime
    closed_at: datetime | None
    acknowledged: AcknowledgementView | None
    messages: Sequence[NoticeMessageView]


class OperatorNoticeQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def page(self, request: PageRequest[int], *, is_open: bool | None) -> Page[NoticeView]:
        """Return notices, the newest first: all, the open ones or the closed ones."""
        statement = select(_NOTICE)
        if is_open is not None:
            is_closed = _NOTICE.c.closed_at.is_not(None)
            statement = statement.where(~is_closed if is_open else is_closed)
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, statement, _NOTICE.c.id, request, descending=True)
            views = await _views(connection, page.items)
        return Page(views, page.has_next, page.has_previous)

    async def get(self, notice_id: int) -> NoticeView | None:
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(_NOTICE).where(_NOTICE.c.id == notice_id))
            found = await _views(connection, rows.all())
        return found[0] if found else None

    async def figures(self) -> Mapping[tuple[CauseKind, str], int]:
        """Return the numbers of open and of unacknowledged notices of every kind."""
        figures = {(kind, state): 0 for kind in CauseKind for state in (OPEN, UNACKNOWLEDGED)}
        async with self._engine.connect() as connection:
            for row in await connection.execute(_FIGURES):
                figures[CauseKind(row.kind), OPEN] = row.open
                figures[CauseKind(row.kind), UNACKNOWLEDGED] = row.unacknowledged
        return figures


async def _views(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[NoticeView]:
    messages: defaultdict[int, list[NoticeMessageView]] = defaultdict(list)
    if rows:
        for row in await connection.execute(_MESSAGES, {"ids": [row.id for row in rows]}):
            messages[row.notice_id].append(_message(row))
    return [_view(row, messages[row.id]) for row in rows]


def _message(row: Row[Any]) -> NoticeMessageView:
    return NoticeMessageView(
        channel=row.channel,
        is_reminder=row.occasion == "reminder",
        state=row.state,
        attempts=row.attempts,
        cause=row.cause,
        ended_at=row.ended_at,
    )


def _view(row: Row[Any], messages: Sequence[NoticeMessageView]) -> NoticeView:
    acknowledged = None
    if row.acknowledged_at is not None:
        acknowledged = AcknowledgementView(row.acknowledged_by, row.acknowledged_at, row.note)
    return NoticeView(
        id=row.id,
        kind=CauseKind(row.kind),
        subject=row.subject,
        order_number=row.order_number,
        detail=row.detail,
        since=row.since,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        acknowledged=acknowledged,
        messages=messages,
    )
