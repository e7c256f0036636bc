"""The messages that say notices: one at a time for each target.

The row of a message, and the rows of what it says, are written before anything is sent. A sender
marks the message as being sent, sends without an open transaction, and records the outcome. If it
ended in between, the message is due again when the lease is over, under the same id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from kit.pool import Connection, Pool
from notifications.operators.causes import CauseKind
from notifications.operators.digest import Digest, Line
from notifications.operators.timing import Timing
from notifications.outbox import Outcome, State

KEEP: Final = timedelta(days=30)
"""The time that a message is kept."""

_MAY_COMPOSE: Final = """
    SELECT NOT EXISTS (
        SELECT FROM eventstore.operator_message
        WHERE target = $1
            AND (ended_at IS NULL OR ended_at > clock_timestamp() - $2::interval)
    )
"""
# The reminder counts from the end of the first message, which may have been late.
_UNSAID: Final = """
    SELECT n.id, n.kind, n.subject, n.order_number, n.detail, n.since,
           clock_timestamp() - n.opened_at AS age, first.notice_id IS NOT NULL AS is_reminder
    FROM eventstore.operator_notice AS n
    LEFT JOIN eventstore.operator_notice_message AS first
        ON first.notice_id = n.id AND first.target = $1 AND first.occasion = 'opened'
    LEFT JOIN eventstore.operator_message AS m ON m.id = first.message_id
    LEFT JOIN eventstore.operator_notice_message AS reminder
        ON reminder.notice_id = n.id AND reminder.target = $1 AND reminder.occasion = 'reminder'
    WHERE n.closed_at IS NULL AND n.acknowledged_at IS NULL
        AND (first.notice_id IS NULL OR (
            reminder.notice_id IS NULL
            AND greatest(n.waiting_since, coalesce(m.ended_at, first.said_at))
                <= clock_timestamp() - $2::interval
        ))
    ORDER BY n.id
"""
_WRITE: Final = """
    INSERT INTO eventstore.operator_message (id, target, digest) VALUES ($1, $2, $3)
    ON CONFLICT (target) WHERE ended_at IS NULL DO NOTHING
    RETURNING true
"""
_SAY: Final = """
    INSERT INTO eventstore.operator_notice_message (notice_id, target, occasion, message_id)
    SELECT n.id, $1, CASE WHEN n.is_reminder THEN 'reminder' ELSE 'opened' END, $2
    FROM unnest($3::bigint[], $4::boolean[]) AS n (id, is_reminder)
"""
_IS_DUE: Final = """
    SELECT EXISTS (
        SELECT FROM eventstore.operator_message
        WHERE target = $1 AND ended_at IS NULL AND due_at <= clock_timestamp()
    )
"""
_TAKE: Final = f"""
    UPDATE eventstore.operator_message AS m
    SET state = '{State.SENDING}', attempts = m.attempts + 1,
        due_at = clock_timestamp() + $2::interval
    FROM (
        SELECT id FROM eventstore.operator_message
        WHERE target = $1 AND ended_at IS NULL AND due_at <= clock_timestamp()
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE m.id = due.id
    RETURNING m.id, m.attempts, m.digest, m.created_at, clock_timestamp() - m.created_at AS age
"""  # noqa: S608 - our own words
# An attempt whose lease is over, and which another sender has repeated, records nothing.
_RECORD: Final = f"""
    UPDATE eventstore.operator_message
    SET state = $3, cause = $4, due_at = clock_timestamp() + $5::interval,
        ended_at = CASE WHEN $5::interval IS NULL THEN clock_timestamp() END
    WHERE id = $1 AND attempts = $2 AND state = '{State.SENDING}'
"""  # noqa: S608 - our own words
_PRUNE: Final = """
    DELETE FROM eventstore.operator_message WHERE created_at < clock_timestamp() - $1::interval
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that this sender works on until its lease is over."""

    id: UUID
    attempts: int
    """The number of attempts, this one included."""
    digest: Digest
    created_at: datetime
    age: timedelta


async def compose(connection: Connection, target: str, timing: Timing) -> bool:
    """Write the next message to this target, if there is one to send; return whether there is.

    Raises UniqueViolationError, and writes nothing, when another leader has said one of the
    notices.
    """
    if not await connection.fetchval(_MAY_COMPOSE, target, timing.pause):
        return False
    rows = await connection.fetch(_UNSAID, target, timing.remind_after)
    if not any(row["is_reminder"] or row["age"] >= timing.gather for row in rows):
        return False
    async with connection.transaction():
        message_id, digest = uuid4(), Digest.of([_line(row) for row in rows])
        if not await connection.fetchval(_WRITE, message_id, target, digest.model_dump_json()):
            return False
        said = [row["id"] for row in rows], [row["is_reminder"] for row in rows]
        await connection.execute(_SAY, target, message_id, *said)
    return True


async def prune(connection: Connection) -> None:
    """Delete the messages that are old, also those to a target that the settings no longer name."""
    await connection.execute(_PRUNE, KEEP)


class Messages:
    """The messages to one target, as its senders take them."""

    def __init__(self, pool: Pool, target: str) -> None:
        self._pool = pool
        self._target = target

    async def is_due(self) -> bool:
        return bool(await self._pool.fetchval(_IS_DUE, self._target))

    async def take(self, lease: timedelta) -> Message | None:
        """Mark the message that is due as being sent, and return it.

        No other sender takes it before the lease is over.
        """
        row = await self._pool.fetchrow(_TAKE, self._target, lease)
        if row is None:
            return None
        digest = Digest.model_validate_json(row["digest"])
        return Message(row["id"], row["attempts"], digest, row["created_at"], row["age"])

    async def record(self, message: Message, outcome: Outcome) -> None:
        what: Sequence[object] = (str(outcome.state), outcome.cause, outcome.retry_in)
        await self._pool.execute(_RECORD, message.id, message.attempts, *what)


def _line(row: Any) -> Line:  # noqa: ANN401 - a row of asyncpg
    return Line(
        id=row["id"],
        kind=CauseKind(row["kind"]),
        subject=row["subject"],
        order_number=row["order_number"],
        detail=row["detail"],
        since=row["since"],
        is_reminder=row["is_reminder"],
    )
