"""Store dead letters as a consumer stores them, without a consumer."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack
from uuid import UUID, uuid4

from kit.pool import Pool

_STORE: Final = """
    INSERT INTO eventstore.dead_letter
        (group_name, key, message_id, event_type, origin, headers, body, state, attempts, cause,
         first_failed_at, last_failed_at, next_try_at)
    SELECT $1, $2, $3, $4, $5, '{}', $6, $7, $8, $9, t.failed_at, t.failed_at, t.next_try_at
    FROM (SELECT CASE WHEN $8 > 0 THEN now() - make_interval(secs => $10) END AS failed_at,
                 CASE WHEN $7 = 'retrying' THEN now() + interval '1 s' END AS next_try_at) AS t
    RETURNING id
"""


class Message(TypedDict, total=False):
    """The message of a letter; each part has a default."""

    group: str
    key: str
    event_id: UUID
    event_type: str | None
    origin: str
    body: bytes


async def store_letter(
    pool: Pool,
    *,
    state: str = "dead",
    attempts: int = 8,
    cause: str | None = "ConnectionRefusedError",
    failed_seconds_ago: float = 60,
    **message: Unpack[Message],
) -> int:
    """Store a letter that was tried, unless it has no attempts, and return its id."""
    letter_id: int = await pool.fetchval(
        _STORE,
        message.get("group", "mailer"),
        message.get("key", "order-1"),
        message.get("event_id", uuid4()),
        message.get("event_type", "OrderShipped"),
        message.get("origin", "WAYBILL/17"),
        message.get("body", b"{}"),
        *(state, attempts, cause, failed_seconds_ago),
    )
    return letter_id


async def store_waiting(pool: Pool, **message: Unpack[Message]) -> int:
    """Store a letter that waits behind another one of its key, and return its id."""
    return await store_letter(pool, state="waiting", attempts=0, cause=None, **message)
