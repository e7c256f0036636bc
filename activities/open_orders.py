"""The orders that still have a saga, in pages, so that none is ever held whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.order.state import FINAL
from eventstore.checkpoint import Checkpoint
from eventstore.pool import Pool
from eventstore.protocol import EventStore

CHECKPOINT: Final = "reconciliation.open_orders"
PAGE: Final = 1000

_PAGE: Final = """
    SELECT order_id, customer_id, placed_position,
           updated_at < clock_timestamp() - $3::interval AS is_at_rest
    FROM readmodel.order_view
    WHERE placed_position > $1 AND status <> ALL ($2)
    ORDER BY placed_position
    LIMIT $4
"""
_ONE: Final = """
    SELECT order_id, customer_id
    FROM readmodel.order_view
    WHERE order_id = $1 AND status <> ALL ($2)
"""
_FINAL: Final = sorted(FINAL)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    order_id: str
    customer_id: str


class OpenOrders:
    """`grace`: how long an order whose last change is so young is not looked at."""

    def __init__(self, pool: Pool, store: EventStore, grace: timedelta) -> None:
        self._pool = pool
        self._store = store
        self._grace = grace

    async def one(self, order_id: str) -> list[OpenOrder]:
        """None of it, if it is final or does not exist."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_ONE, order_id, _FINAL)
        return [OpenOrder(*row) for row in rows]

    async def at_rest(self) -> AsyncIterator[list[OpenOrder]]:
        """Those that nothing has just happened to, oldest first.

        Orders before the oldest open one are final for good and never read again: without that,
        each run would read all that were ever placed.
        """
        head = await self._store.safe_head()
        after = await self._begin()
        oldest: int | None = None
        while rows := await self._page(after):
            after = rows[-1][2]
            oldest = rows[0][2] if oldest is None else oldest
            yield [OpenOrder(*row[:2]) for row in rows if row[3]]
        # Above the safe head an older order may still appear.
        await self._end(head if oldest is None else min(head, oldest - 1))

    async def _page(self, after: int) -> list[tuple[str, str, int, bool]]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_PAGE, after, _FINAL, self._grace, PAGE)
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def _begin(self) -> int:
        async with self._pool.acquire() as connection:
            return (await Checkpoint.read(connection, CHECKPOINT)).position

    async def _end(self, position: int) -> None:
        async with self._pool.acquire() as connection:
            await (await Checkpoint.read(connection, CHECKPOINT)).advance(position)
