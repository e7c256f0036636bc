"""Check every open order in rotation, so that a missed notification is found early."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from activities.reconciliation import open_orders
from domain.order.state import FINAL
from eventstore.checkpoint import Checkpoint
from kit.pool import Pool

CHECKPOINT: Final = "reconciliation.sweep"

# Another run has recorded the position at which the open orders begin.
_NEXT: Final = """
    SELECT order_id, placed_position
    FROM readmodel.order_view
    WHERE placed_position > greatest(
              $1, (SELECT position FROM eventstore.checkpoint
                   WHERE name = $2 AND position <= eventstore.drawn_position()))
      AND status <> ALL ($3)
      AND updated_at NOT BETWEEN clock_timestamp() - $4::interval AND clock_timestamp()
    ORDER BY placed_position
    LIMIT $5
"""


class OpenOrderSweep:
    """Select at most `limit` orders in each run, of those whose last change is older than
    `grace`."""

    def __init__(self, pool: Pool, grace: timedelta, limit: int) -> None:
        self._pool = pool
        self._grace = grace
        self._limit = limit

    async def next(self) -> tuple[list[str], int]:
        """Return their ids, and the position from which the next run continues; 0 after the last
        order."""
        async with self._pool.acquire() as connection:
            after = (await Checkpoint.read(connection, CHECKPOINT)).position
            arguments = (after, open_orders.CHECKPOINT, sorted(FINAL), self._grace, self._limit)
            rows = await connection.fetch(_NEXT, *arguments)
        is_at_the_end = len(rows) < self._limit
        return [row[0] for row in rows], 0 if is_at_the_end else rows[-1][1]

    async def done(self, position: int) -> None:
        async with self._pool.acquire() as connection:
            await (await Checkpoint.read(connection, CHECKPOINT)).advance(position)
