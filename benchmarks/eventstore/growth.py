"""Measure how the duration of an append, and of its way to a follower, depend on the log's size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final

from benchmarks.eventstore.fill import fill
from benchmarks.eventstore.ours import connected_store, writer
from benchmarks.eventstore.tail_latency import running
from benchmarks.measure import Benchmark, Effort, Run, Sides
from benchmarks.server import Server
from eventstore.head import HeadAnnouncer
from eventstore.postgres import PostgresEventStore
from kit.pool import create_pool

MANY_EVENTS: Final = 5_000_000
MOST_EVENTS: Final = 20_000_000
FEW_EVENTS: Final = 10_000
APPENDS: Final = 2_000
"""The appends of each run, few enough that the small log stays small."""


FOLLOWED: Final = 500
"""The appends of each run that a follower waits for, one after the other."""
MAX_RATIO: Final = 1.2


async def _append(url: str, stack: AsyncExitStack) -> Run:
    store = await stack.enter_async_context(connected_store(url, 1))
    return partial(_milliseconds, writer(store))


async def _milliseconds(append: Callable[[], Awaitable[object]]) -> float:
    """Return the mean duration of one append, which includes the slow ones."""
    began = perf_counter()
    for _ in range(APPENDS):
        await append()
    return (perf_counter() - began) / APPENDS * 1000


async def _tail(url: str, stack: AsyncExitStack) -> Run:
    pool = await stack.enter_async_context(await create_pool(url, size=6))
    await stack.enter_async_context(running(HeadAnnouncer(pool).run()))
    return partial(_followed, PostgresEventStore(pool))


async def _followed(store: PostgresEventStore) -> float:
    """Return the mean time from the begin of an append to its event's arrival at a follower."""
    append, began = writer(store), perf_counter()
    async with aclosing(store.follow(await store.safe_head())) as pages:
        for _ in range(FOLLOWED):
            position = await append()
            while position > (await anext(pages))[-1].position:
                pass
    return (perf_counter() - began) / FOLLOWED * 1000


@dataclass(frozen=True)
class Growth:
    """Compares a log of many events with one of FEW_EVENTS, by the same run."""

    many_events: int
    run: Callable[[str, AsyncExitStack], Awaitable[Run]]

    @asynccontextmanager
    async def sides(self, server: Server, effort: Effort) -> AsyncIterator[Sides]:
        many = int(self.many_events * effort.scale)
        async with (
            server.database() as large_url,
            server.database() as small_url,
            AsyncExitStack() as stack,
        ):
            await fill(large_url, many)
            await fill(small_url, FEW_EVENTS)
            yield Sides(
                f"ours, {FEW_EVENTS:,} events (against {many:,})",
                await self.run(large_url, stack),
                await self.run(small_url, stack),
            )


def _benchmark(name: str, growth: Growth, *, is_named_only: bool) -> Benchmark:
    whole_id = f"eventstore.{name}"
    return Benchmark(
        whole_id,
        "ms",
        MAX_RATIO,
        growth.sides,
        less_is_better=True,
        least_prefix=whole_id if is_named_only else "",
    )


BENCHMARKS: Final = (
    _benchmark("append_growth", Growth(MANY_EVENTS, _append), is_named_only=False),
    _benchmark("append_growth_20m", Growth(MOST_EVENTS, _append), is_named_only=True),
    _benchmark("tail_growth_20m", Growth(MOST_EVENTS, _tail), is_named_only=True),
)
