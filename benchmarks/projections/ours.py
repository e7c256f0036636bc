"""Rebuild the order view as `make rebuild` does: fill, index, catch up, verify and swap."""

from __future__ import annotations

from time import perf_counter

from kit.pool import create_pool
from projections.orders import ORDERS
from projections.rebuild import record
from projections.rebuild.__main__ import POOL_SIZE
from projections.rebuild.assistants import Assistants
from projections.rebuild.procedure import rebuild


async def rebuild_orders(url: str, *, accept: bool = False) -> float:
    """Return the events a second. The first rebuild of a filled log must accept its rows."""
    async with await create_pool(url, size=POOL_SIZE, transaction_seconds=0) as pool:
        async with pool.acquire() as connection:
            await record.request(connection, ORDERS, "benchmark")
        began = perf_counter()
        events = await rebuild(pool, ORDERS, _unseen, accept=accept, assistants=Assistants.of(url))
        return events / (perf_counter() - began)


def _unseen(_read: int, _all: int) -> None:
    """A bar would cost time."""
