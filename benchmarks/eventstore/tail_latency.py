"""Measure the time from a commit to the live tail, at half of the highest append rate.

Writers, the head's leader and the follower share one process and its event loop, so the figure
includes their effect on each other. The bound takes the peer's place: the ratio is the used share
of the bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from statistics import quantiles
from time import perf_counter
from typing import Final

from benchmarks.eventstore.ours import writer
from benchmarks.load import concurrent
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server
from eventstore.head import HeadAnnouncer
from eventstore.postgres import PostgresEventStore
from kit.pool import create_pool

BOUND_MILLISECONDS: Final = 50.0
WRITERS: Final = 8

Append = Callable[[], Awaitable[int]]


class Tail:
    """Follows the log, and notes when each position arrives."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}
        self._more = asyncio.Event()

    async def follow(self, store: PostgresEventStore, after: int) -> None:
        async for page in store.follow(after):
            now = perf_counter()
            self.seen.update((event.position, now) for event in page)
            self._more.set()

    async def has(self, position: int) -> None:
        while position not in self.seen:
            self._more.clear()
            await self._more.wait()


async def _paced(append: Append, every: float, deadline: float) -> dict[int, float]:
    """Append once every `every` seconds; return when each position was known as committed."""
    committed: dict[int, float] = {}
    due = perf_counter()
    while due < deadline:
        await asyncio.sleep(due - perf_counter())
        position = await append()
        committed[position] = perf_counter()
        due += every
    return committed


async def _p99(tail: Tail, appends: list[Append], rate: float, seconds: float) -> float:
    tail.seen.clear()
    every, deadline = len(appends) / rate, perf_counter() + seconds
    committed: dict[int, float] = {}
    for of_one in await asyncio.gather(*(_paced(a, every, deadline) for a in appends)):
        committed |= of_one
    async with asyncio.timeout(10):
        await tail.has(max(committed))
    # The tail may receive an event before its writer receives the position: the delay is then 0.
    delays = [max(0.0, tail.seen[position] - at) for position, at in committed.items()]
    return quantiles(delays, n=100)[-1] * 1000


async def _bound() -> float:
    return BOUND_MILLISECONDS


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with server.database() as url, await create_pool(url, size=WRITERS + 4) as pool:
        store, tail = PostgresEventStore(pool), Tail()
        appends = [writer(store) for _ in range(WRITERS)]
        half = await concurrent(appends)(effort.seconds) / 2
        head = await store.safe_head()
        async with running(HeadAnnouncer(pool).run(), tail.follow(store, head)):
            name = f"the bound (p99, at {half:,.0f} appends/s)"
            yield Sides(name, partial(_p99, tail, appends, half, effort.seconds), _bound)


@asynccontextmanager
async def running(*jobs: Awaitable[None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


BENCHMARKS: Final = (Benchmark("eventstore.tail_latency", "ms", 1, _sides, less_is_better=True),)
