"""Read the orders that still have a saga, in pages, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.order.state import FINAL
from eventstore.checkpoint import Checkpoint
from eventstore.protocol import EventStore
from kit.pool import Pool

CHECKPOINT: Final = "reconciliation.open_orders"
PAGE: Final = 1000

# A change from the future was recorded by a clock that has been set back since, and does not delay
# an order.
_PAGE: Final = """
    SELECT order_id, customer_id,
           updated_at NOT BETWEEN clock_timestamp() - $3::interval AND clock_timestamp(),
           placed_position
    FROM readmodel.order_view
    WHERE placed_position > $1 AND status <> ALL ($2)
    ORDER BY placed_position
    LIMIT $4
"""
_ONE: Final = """
    SELECT order_id, customer_id, true
    FROM readmodel.order_view
    WHERE order_id = $1 AND status <> ALL ($2)
"""
_NOT_OPEN: Final = """
    SELECT order_id, o.status
    FROM unnest($1::text[]) AS asked (order_id) LEFT JOIN readmodel.order_view AS o USING (order_id)
    WHERE o.order_id IS NULL
       OR o.status = ANY ($2)
          AND o.updated_at NOT BETWEEN clock_timestamp() - $3::interval AND clock_timestamp()
"""
_FINAL: Final = sorted(FINAL)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    order_id: str
    customer_id: str
    is_at_rest: bool
    """The order has not changed within the grace."""


class OpenOrders:
    """`grace` is the age that the last change of an order needs to be at rest."""

    def __init__(self, pool: Pool, store: EventStore, grace: timedelta) -> None:
        self._pool = pool
        self._store = store
        self.grace = grace

    async def one(self, order_id: str) -> list[OpenOrder]:
        """Return the order in a list, which is empty if the order is final or does not exist."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_ONE, order_id, _FINAL)
        return [OpenOrder(*row) for row in rows]

    async def all(self) -> AsyncIterator[list[OpenOrder]]:
        """Return the open orders, oldest first.

        Orders before the oldest open one are final and are never read again. Otherwise each run
        would read every order that was ever placed.
        """
        head = await self._store.safe_head()
        after = await self._begin()
        oldest: int | None = None
        while page := await self._page(after):
            after = page[-1][1]
            oldest = page[0][1] if oldest is None else oldest
            yield [order for order, _ in page]
        # An older order may still appear above the safe head.
        await self._end(head if oldest is None else min(head, oldest - 1))

    async def not_open(self, order_ids: Collection[str]) -> dict[str, str]:
        """Return the status of those that have been final for the grace, or were never placed."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_NOT_OPEN, list(order_ids), _FINAL, self.grace)
        return {row[0]: row[1] or "no such order" for row in rows}

    async def _page(self, after: int) -> list[tuple[OpenOrder, int]]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_PAGE, after, _FINAL, self.grace, PAGE)
        return [(OpenOrder(*row[:3]), row[3]) for row in rows]

    async def _begin(self) -> int:
        async with self._pool.acquire() as connection:
            return (await Checkpoint.read(connection, CHECKPOINT)).position

    async def _end(self, position: int) -> None:
        async with self._pool.acquire() as connection:
            await (await Checkpoint.read(connection, CHECKPOINT)).advance(position)
