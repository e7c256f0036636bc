"""Record the use of an idempotency key in the transaction of its effect.

A row is kept for KEPT_FOR. Each new row deletes two that are older, so the table needs no cleanup
job. The event ids of an effect are derived from the key, and so it is not repeated later either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.idempotency import KeyedResult, KeyUse, key_reused
from eventstore.errors import KeyTaken
from kit.pool import Connection

KEPT_FOR: Final = timedelta(days=30)
NO_POSITION: Final = 0
"""The effect of the request is not in the log."""

_FIND: Final = """
    SELECT fingerprint, position, call FROM journal.idempotency_key WHERE id = $1
"""
_RECORD: Final = """
    WITH pruned AS (
        DELETE FROM journal.idempotency_key WHERE id IN (
            SELECT id FROM journal.idempotency_key
            WHERE recorded_at < clock_timestamp() - $5::interval AND id <> $1
            ORDER BY recorded_at LIMIT 2
            FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO journal.idempotency_key (id, fingerprint, call, position, recorded_at)
    VALUES ($1, $2, $3, $4, clock_timestamp())
    ON CONFLICT (id) DO NOTHING
    RETURNING true
"""


async def find_key(connection: Connection, key: KeyUse) -> KeyedResult | None:
    """Return the first result under this key. Raises Refused when its input was another one."""
    row = await connection.fetchrow(_FIND, key.id)
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        raise key_reused()
    return KeyedResult(row["position"], row["call"])


async def record_key(connection: Connection, key: KeyUse, position: int) -> None:
    """Record the key. Raises KeyTaken when another call has recorded it."""
    values = (key.id, key.fingerprint, key.call, position, KEPT_FOR)
    if await connection.fetchval(_RECORD, *values) is None:
        raise KeyTaken


async def take_key(connection: Connection, key: KeyUse | None) -> bool:
    """Record the key for the change that follows in this transaction; return False for a repeat.

    A concurrent call with the same key waits for this transaction. A refusal rolls the record back.
    A request without a key is no repeat. Raises Refused when the key was used for another input.
    """
    if key is None:
        return True
    try:
        await record_key(connection, key, NO_POSITION)
    except KeyTaken:
        return await find_key(connection, key) is None
    return True
