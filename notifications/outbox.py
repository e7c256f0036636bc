"""The rows of the notifications: one for each final fact, recipient and channel.

A row is written before anything is sent. A sender marks it as being sent, sends without an open
transaction, and records the outcome. A row whose sender ended in between is due again when its
lease is over: its outcome is unknown, so it is sent again under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID, uuid5

from domain.ids import WAYBILL
from eventstore.envelope import StoredEvent
from kit.pool import Connection, Pool
from notifications.facts import Notice

MAX_AGE: Final = timedelta(days=7)
"""An older fact is not notified of: the channel was switched off for a while."""


class Channel(StrEnum):
    EMAIL = "email"
    PUSH = "push"


class State(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    """A sender works on it, or ended before it had recorded the outcome."""
    SENT = "sent"
    FAILED = "failed"
    """It was refused for good, or every attempt has failed."""
    NO_RECIPIENT = "no_recipient"
    """The order has no address of this channel, or the push subscription has ended."""
    ERASED = "erased"
    """The customer's personal data has been erased."""
    SUPPRESSED = "suppressed"
    """The recipient has unsubscribed or complained, or the address has bounced."""
    OUTDATED = "outdated"
    """The order has moved on before the notification was sent."""
    OPTED_OUT = "opted_out"
    """The customer wants no notification of this category by this channel."""


@dataclass(frozen=True, slots=True)
class Row:
    """A notification to write."""

    stored: StoredEvent
    order_id: str
    kind: Notice


@dataclass(frozen=True, slots=True)
class Taken:
    """A notification that this sender works on until its lease is over."""

    id: UUID
    order_id: str
    position: int
    kind: Notice
    attempts: int
    """The number of attempts, this one included."""
    recipient: str
    """A customer or a push subscription, by its id."""
    traceparent: str | None = None
    """The trace of the event."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt. `cause` is a code, and never holds an address."""

    state: State
    cause: str | None = None
    retry_in: timedelta | None = None
    is_put_off: bool = False
    """Nothing was tried. The attempt does not count, and the notification is not late."""

    @classmethod
    def put_off(cls, cause: str, by: timedelta) -> Self:
        """Return the outcome of a notification that must wait for this long."""
        return cls(State.PENDING, cause, by, is_put_off=True)


# The customer is read from the order's first event: most events name only the order. An event of
# an order that the log does not know has no recipient.
_WRITE: Final = f"""
    INSERT INTO eventstore.notification
        (id, event_id, position, recipient, channel, kind, order_id, state, due_at, ended_at)
    SELECT n.id, n.event_id, n.position, 'customer:' || (o.data ->> 'customer_id'), $7, n.kind,
           n.order_id, s.state, CASE s.state WHEN '{State.PENDING}' THEN clock_timestamp() END,
           CASE s.state WHEN '{State.PENDING}' THEN NULL ELSE clock_timestamp() END
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
        AS n (id, event_id, position, order_id, kind, recorded_at)
    JOIN eventstore.event AS o ON o.stream_id = 'order-' || n.order_id AND o.version = 1
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n.recorded_at < clock_timestamp() - $8::interval
               THEN '{State.OUTDATED}' ELSE '{State.PENDING}' END AS state
    ) AS s
    ORDER BY n.position
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own words
_TAKE: Final = f"""
    UPDATE eventstore.notification AS n
    SET state = '{State.SENDING}', attempts = n.attempts + 1,
        due_at = clock_timestamp() + $2::interval
    FROM (
        SELECT id FROM eventstore.notification
        WHERE channel = $1 AND due_at <= clock_timestamp()
        ORDER BY due_at, position
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE n.id = due.id
    RETURNING n.id, n.order_id, n.position, n.kind, n.attempts, n.recipient, (
        SELECT metadata ->> 'traceparent' FROM eventstore.event WHERE position = n.position
    )
"""  # noqa: S608 - our own words
# An attempt whose lease is over, and which another sender has repeated, records nothing.
_RECORD: Final = f"""
    UPDATE eventstore.notification
    SET state = $3, cause = $4, due_at = clock_timestamp() + $5::interval,
        ended_at = CASE WHEN $5::interval IS NULL THEN clock_timestamp() END,
        attempts = attempts - $6::boolean::int,
        not_before = CASE WHEN $6 THEN clock_timestamp() + $5::interval ELSE not_before END
    WHERE id = $1 AND attempts = $2 AND state = '{State.SENDING}'
"""  # noqa: S608 - our own words
_IS_DUE: Final = """
    SELECT EXISTS (
        SELECT FROM eventstore.notification WHERE channel = $1 AND due_at <= clock_timestamp()
    )
"""
_RETRY: Final = f"""
    UPDATE eventstore.notification
    SET state = '{State.PENDING}', attempts = 0, cause = NULL, due_at = clock_timestamp(),
        ended_at = NULL
    WHERE channel = $1 AND state = '{State.FAILED}' AND ($2::text IS NULL OR order_id = $2)
"""  # noqa: S608 - our own words
_PRUNE: Final = """
    DELETE FROM eventstore.notification WHERE id IN (
        SELECT id FROM eventstore.notification
        WHERE ended_at < clock_timestamp() - $1::interval
        ORDER BY ended_at
        LIMIT 1000
    )
"""


def notification_id(event_id: UUID, recipient: str, channel: Channel) -> UUID:
    """Return the id of the only notification of this event to this recipient by this channel."""
    return uuid5(WAYBILL, f"notification {event_id} {channel} {recipient}")


async def write(connection: Connection, channel: Channel, rows: Sequence[Row]) -> None:
    """Write the rows of customers that do not exist yet, in the transaction of the caller."""
    if rows:
        columns = [
            (
                notification_id(row.stored.event_id, "customer", channel),
                row.stored.event_id,
                row.stored.position,
                row.order_id,
                str(row.kind),
                row.stored.recorded_at,
            )
            for row in rows
        ]
        await connection.execute(_WRITE, *transposed(columns), str(channel), MAX_AGE)


def transposed(rows: Iterable[Sequence[object]]) -> Iterable[list[object]]:
    """Return the columns, as PostgreSQL's unnest takes them."""
    return map(list, zip(*rows, strict=True))


class Outbox:
    """The notifications of one channel, as its senders take them."""

    def __init__(self, pool: Pool, channel: Channel) -> None:
        self._pool = pool
        self.channel: Final = channel

    async def is_due(self) -> bool:
        """Return whether there is a notification to send now."""
        return bool(await self._pool.fetchval(_IS_DUE, self.channel))

    async def take(self, lease: timedelta) -> Taken | None:
        """Mark the notification that has been due the longest as being sent, and return it.

        No other sender takes it before the lease is over.
        """
        row = await self._pool.fetchrow(_TAKE, self.channel, lease)
        if row is None:
            return None
        return Taken(row[0], row[1], row[2], Notice(row[3]), *row[4:])

    async def record(self, taken: Taken, outcome: Outcome) -> None:
        key = (taken.id, taken.attempts)
        what = (str(outcome.state), outcome.cause, outcome.retry_in)
        await self._pool.execute(_RECORD, *key, *what, outcome.is_put_off)

    async def retry(self, order_id: str | None = None) -> int:
        """Send again what has failed for good, of one order or of all; return how many."""
        return int((await self._pool.execute(_RETRY, self.channel, order_id)).split()[-1])

    async def prune(self, keep: timedelta) -> None:
        """Delete some of the rows that ended before this time."""
        await self._pool.execute(_PRUNE, keep)
