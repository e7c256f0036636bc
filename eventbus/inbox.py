"""The ids of the events that each consumer group has taken, in the transaction of their effects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from kit.pool import Connection

KEPT_FOR: Final = timedelta(days=30)
"""A broker keeps a message for a shorter time, so it cannot deliver one whose id is forgotten."""
PRUNED_AT_ONCE: Final = 1_000

_REMEMBER: Final = """
    INSERT INTO eventstore.consumed_event (group_name, event_id)
    SELECT $1, id FROM unnest($2::uuid[]) AS id
    ON CONFLICT DO NOTHING
    RETURNING event_id
"""
_PRUNE: Final = """
    DELETE FROM eventstore.consumed_event WHERE group_name = $1 AND event_id IN (
        SELECT event_id FROM eventstore.consumed_event
        WHERE group_name = $1 AND consumed_at < now() - $2::interval
        LIMIT $3
    )
"""


async def remember(connection: Connection, group: str, ids: Sequence[UUID]) -> set[UUID]:
    """Record that the group takes these events, and return those that it had not taken before.

    It waits for a transaction that takes one of them at the same time.
    """
    rows = await connection.fetch(_REMEMBER, group, ids)
    return {row["event_id"] for row in rows}


async def prune(connection: Connection, group: str) -> bool:
    """Forget some ids that are old enough; return whether there may be more."""
    done = await connection.execute(_PRUNE, group, KEPT_FOR, PRUNED_AT_ONCE)
    return int(done.split()[-1]) == PRUNED_AT_ONCE
