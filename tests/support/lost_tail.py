"""Bring a database into the state that a restore to an earlier moment would leave."""

from __future__ import annotations

from kit.pool import Pool

_LOSE = """
    WITH event AS (DELETE FROM eventstore.event WHERE position > $1),
         orders AS (DELETE FROM readmodel.order_view WHERE placed_position > $1),
         payments AS (DELETE FROM readmodel.payment_view WHERE position > $1),
         shipments AS (DELETE FROM readmodel.shipment_view WHERE position > $1)
    SELECT setval('eventstore.event_position', $1)
"""


async def lose_tail(pool: Pool, after: int) -> None:
    """Remove every event above this position, and undo the drawing of their positions."""
    async with pool.acquire() as connection:
        await connection.execute(_LOSE, after)
