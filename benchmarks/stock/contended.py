"""Measure reservations of products that many orders want at the same time.

`stock.hot_sku`: 16 tasks reserve one product. `stock.long_order`: orders of 100 products, one after
the other, while 200 other orders a second reserve one of these products each. The bound takes the
peer's place there. Each is also compared with one SQL statement that reserves the same.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from statistics import quantiles
from time import perf_counter
from typing import Final, Protocol

from benchmarks.load import concurrent
from benchmarks.measure import Benchmark, Count, Effort, Sides
from benchmarks.server import Server
from benchmarks.stock.bare_sql import bare_stock
from benchmarks.stock.ours import our_stock
from stack.postgres import connected

HOT: Final = ("hot",)
LONG: Final = tuple(f"sku-{number:03}" for number in range(100))
WRITERS: Final = 16
BOUND_PER_SECOND: Final = 200.0
OTHER_WRITES_PER_SECOND: Final = 200.0
BOUND_MILLISECONDS: Final = 2_000.0
STATEMENTS_LIMIT: Final = 5
"""BEGIN, the locks with the load, the append, the read model, COMMIT."""

_PERCENTILES: Final = 100
_STATEMENTS: Final = """
SELECT sum(calls)::int FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Stock(Protocol):
    async def reserve(self, skus: Sequence[str]) -> None: ...


async def _hot(stock: Stock, seconds: float) -> float:
    return await concurrent([partial(stock.reserve, HOT)] * WRITERS)(seconds)


async def _long(stock: Stock, seconds: float) -> float:
    """Return the 99th percentile of the long orders in milliseconds, or the longest of a few."""
    others = [asyncio.create_task(_other(stock)) for _ in range(WRITERS)]
    times: list[float] = []
    deadline = perf_counter() + seconds
    try:
        while perf_counter() < deadline:
            began = perf_counter()
            await stock.reserve(LONG)
            times.append((perf_counter() - began) * 1000)
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return quantiles(times, n=_PERCENTILES)[-1] if len(times) > _PERCENTILES else max(times)


async def _other(stock: Stock) -> None:
    """Reserve a piece of one of the products, at an even pace."""
    every, due = WRITERS / OTHER_WRITES_PER_SECOND, perf_counter()
    while True:
        await asyncio.sleep(due - perf_counter())
        await stock.reserve([random.choice(LONG)])  # noqa: S311 - load
        due += every


Measured = Callable[[Stock, float], Awaitable[float]]


def _bounded(
    measured: Measured, skus: Sequence[str], bound: float, name: str
) -> Callable[[Server, Effort], AbstractAsyncContextManager[Sides]]:
    async def limit() -> float:
        return bound

    @asynccontextmanager
    async def sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
        async with server.database() as url, our_stock(url, skus) as ours:
            yield Sides(name, partial(measured, ours, effort.seconds), limit)

    return sides


def _compared(
    measured: Measured, skus: Sequence[str]
) -> Callable[[Server, Effort], AbstractAsyncContextManager[Sides]]:
    @asynccontextmanager
    async def sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
        async with (
            server.database() as url,
            our_stock(url, skus) as ours,
            bare_stock(url, skus) as peer,
        ):
            run = [partial(measured, stock, effort.seconds) for stock in (ours, peer)]
            yield Sides("one SQL statement", *run)

    return sides


async def statements(server: Server) -> float:
    """Count the statements of a reservation of 100 lines."""
    async with server.database() as url, our_stock(url, LONG) as stock, connected(url) as observer:
        await stock.reserve(LONG)
        await observer.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        before = await observer.fetchval(_STATEMENTS)
        await stock.reserve(LONG)
        return float(await observer.fetchval(_STATEMENTS) - before - 1)


BENCHMARKS: Final = (
    Benchmark(
        "stock.hot_sku",
        "reservations/s",
        1,
        _bounded(_hot, HOT, BOUND_PER_SECOND, "the bound (200 reservations/s)"),
    ),
    Benchmark("stock.hot_sku.vs_sql", "reservations/s", None, _compared(_hot, HOT)),
    Benchmark(
        "stock.long_order",
        "ms",
        1,
        _bounded(_long, LONG, BOUND_MILLISECONDS, "the bound (p99, 200 other writes/s)"),
        less_is_better=True,
    ),
    Benchmark("stock.long_order.vs_sql", "ms", None, _compared(_long, LONG), less_is_better=True),
)
COUNTS: Final = (Count("stock.reserve.statements", STATEMENTS_LIMIT, statements, "stock"),)
