"""Remember the orders that could not be compared, so that they delay no other order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from activities.failed_attempts import described
from kit.pool import Pool

_SOME: Final = "SELECT order_id FROM journal.unchecked_order ORDER BY random() LIMIT $1"
_NOTE: Final = """
    INSERT INTO journal.unchecked_order (order_id, code, message, failed_at)
    VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT (order_id) DO UPDATE SET code = $2, message = $3
"""
_FORGET: Final = "DELETE FROM journal.unchecked_order WHERE order_id = ANY ($1)"


class UncheckedOrders:
    """Return at most `limit` of them in each run."""

    def __init__(self, pool: Pool, limit: int) -> None:
        self._pool = pool
        self._limit = limit

    async def some(self) -> list[str]:
        """Return some of them, in random order so that none is starved."""
        async with self._pool.acquire() as connection:
            return [row[0] for row in await connection.fetch(_SOME, self._limit)]

    async def note(self, read: Collection[str], left: Mapping[str, Exception]) -> None:
        notes = [(order_id, *described(error)) for order_id, error in left.items()]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_FORGET, list(read))
            await connection.executemany(_NOTE, notes)
