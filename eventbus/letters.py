"""Keep the messages that a group could not handle, and those of their keys that wait behind them.

A letter is `retrying` until it is handled or its attempts are used up; then it is `dead`, and waits
for an operator. A letter behind another one of its key is `waiting`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from eventbus.received import Received, storable
from eventbus.source import Message
from kit.pool import Connection

ATTEMPTS: Final = 8
"""The number of times that a message is tried, with the first."""
FIRST_PAUSE: Final = timedelta(seconds=1)
"""The pause before the second attempt. Each further pause is twice as long."""
JITTER: Final = 0.25
"""The share of a pause by which it is made longer at random, so that failures spread in time."""

_BLOCKED: Final = """
    SELECT DISTINCT key FROM eventstore.dead_letter WHERE group_name = $1 AND key = ANY($2)
"""
_STORE: Final = """
    INSERT INTO eventstore.dead_letter (group_name, key, message_id, event_type, origin, headers,
        body, state, attempts, cause, first_failed_at, last_failed_at, next_try_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'retrying', 1, $8, clock_timestamp(), clock_timestamp(),
        clock_timestamp() + $9)
    ON CONFLICT (group_name, message_id) DO NOTHING
"""
_HOLD: Final = """
    INSERT INTO eventstore.dead_letter
        (group_name, key, message_id, event_type, origin, headers, body, state, attempts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0)
    ON CONFLICT (group_name, message_id) DO NOTHING
"""
_CLAIM: Final = """
    UPDATE eventstore.dead_letter
    SET attempts = attempts + 1, next_try_at = clock_timestamp() + $2::interval
    WHERE id = (
        SELECT id FROM eventstore.dead_letter
        WHERE group_name = $1 AND state = 'retrying' AND next_try_at <= clock_timestamp()
        ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, key, attempts, origin, headers, body
"""
_FAILED: Final = """
    UPDATE eventstore.dead_letter
    SET state = CASE WHEN attempts < $3 THEN 'retrying' ELSE 'dead' END,
        cause = $2,
        first_failed_at = coalesce(first_failed_at, clock_timestamp()),
        last_failed_at = clock_timestamp(),
        next_try_at = CASE WHEN attempts < $3 THEN clock_timestamp() + $4::interval END
    WHERE id = $1 AND state = 'retrying'
"""
_LOCK: Final = """
    SELECT true FROM eventstore.dead_letter WHERE id = $1 AND state = 'retrying' FOR UPDATE
"""
_REMOVE: Final = "DELETE FROM eventstore.dead_letter WHERE id = $1"


class Claimed(NamedTuple):
    """A letter that this process tries now."""

    id: int
    key: str
    attempts: int
    """The number of attempts, with this one."""
    message: Message


def pause_before(attempt: int) -> timedelta:
    """Return the time that a letter waits for this attempt, of which the second is the first."""
    pause: timedelta = FIRST_PAUSE * 2 ** (attempt - 2)
    return pause * (1 + JITTER * random.random())  # noqa: S311 - nothing secret depends on it


async def blocked(connection: Connection, group: str, keys: Collection[str]) -> set[str]:
    """Return those of the keys that have letters: their later messages wait."""
    rows = await connection.fetch(_BLOCKED, group, list(set(keys)))
    return {row["key"] for row in rows}


async def store(connection: Connection, group: str, failed: Received, cause: str) -> None:
    """Keep a message that failed for the first time."""
    await connection.execute(_STORE, *_row(group, failed), cause, pause_before(2))


async def hold(connection: Connection, group: str, waiting: Sequence[Received]) -> None:
    """Keep messages of blocked keys, in this order."""
    await connection.executemany(_HOLD, [_row(group, received) for received in waiting])


async def claim(connection: Connection, group: str, time: timedelta) -> Claimed | None:
    """Take the next letter that is due, for this time; None: none is due.

    The attempt is counted before it is made, so that a message that ends the process is tried only
    so often.
    """
    row = await connection.fetchrow(_CLAIM, group, time)
    if row is None:
        return None
    headers: Mapping[str, str] = json.loads(row["headers"])
    message = Message(row["key"], 0, headers, row["body"], row["origin"])
    return Claimed(row["id"], row["key"], row["attempts"], message)


async def lock(connection: Connection, letter_id: int) -> bool:
    """Return whether the letter is still there to be tried, and keep operators off until the end
    of the transaction."""
    return await connection.fetchval(_LOCK, letter_id) is True


async def remove(connection: Connection, letter_id: int) -> None:
    await connection.execute(_REMOVE, letter_id)


async def note_failure(
    connection: Connection, letter: Claimed, cause: str, *, may_die: bool = True
) -> None:
    """Record why the letter failed again, and when it is tried next; it is dead after ATTEMPTS."""
    most = ATTEMPTS if may_die else letter.attempts + 1
    pause = pause_before(min(letter.attempts, ATTEMPTS) + 1)
    await connection.execute(_FAILED, letter.id, cause, most, pause)


def _row(group: str, received: Received) -> tuple[Any, ...]:
    message, event = received.message, received.event
    return (
        group,
        received.key,
        received.id,
        message.event_type if event is None else event.type,
        storable(message.origin),
        json.dumps({storable(name): storable(value) for name, value in message.headers.items()}),
        message.body,
    )
