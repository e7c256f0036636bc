"""Reserve stock by one SQL statement on two tables: a counter for each SKU, and the reservations.

It locks the counters in the order of their SKUs, refuses what is not available, and writes nothing
else: no events, no history, and nothing that recognizes a repeat but the primary key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from benchmarks.stock.ours import CONNECTIONS, PIECES
from kit.pool import Pool, create_pool
from stack.postgres import connected

_TABLES: Final = """
CREATE TABLE stock (sku text PRIMARY KEY, on_hand int NOT NULL, reserved int NOT NULL DEFAULT 0)
    WITH (fillfactor = 50);
CREATE TABLE reservation (
    order_id text, sku text, quantity int NOT NULL, PRIMARY KEY (order_id, sku)
);
"""
_RESERVE: Final = """
WITH locked AS (
    SELECT sku FROM stock WHERE sku = ANY($2::text[]) ORDER BY sku FOR UPDATE
), taken AS (
    UPDATE stock AS s SET reserved = s.reserved + 1 FROM locked AS l
    WHERE s.sku = l.sku AND s.on_hand - s.reserved >= 1
    RETURNING s.sku
)
INSERT INTO reservation (order_id, sku, quantity) SELECT $1, sku, 1 FROM taken
"""


class OutOfStock(Exception):
    """A product is short, and nothing is reserved."""


class BareStock:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def reserve(self, skus: Sequence[str]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            done = await connection.execute(_RESERVE, uuid4().hex, list(skus))
            if done != f"INSERT 0 {len(skus)}":
                raise OutOfStock


@asynccontextmanager
async def bare_stock(url: str, skus: Sequence[str]) -> AsyncIterator[BareStock]:
    async with connected(url) as connection:
        await connection.execute(_TABLES)
        await connection.executemany(
            "INSERT INTO stock (sku, on_hand) VALUES ($1, $2)", [(sku, PIECES) for sku in skus]
        )
    async with await create_pool(url, size=CONNECTIONS) as pool:
        yield BareStock(pool)
