"""Measure how the duration of an append depends on the size of the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Final

from benchmarks.eventstore.fill import fill
from benchmarks.eventstore.ours import connected_store, writer
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server

MANY_EVENTS: Final = 5_000_000
FEW_EVENTS: Final = 10_000
APPENDS: Final = 2_000
"""The appends of each run, few enough that the small log stays small."""


async def _milliseconds(append: Callable[[], Awaitable[object]]) -> float:
    """Return the mean duration of one append, which includes the slow ones."""
    began = perf_counter()
    for _ in range(APPENDS):
        await append()
    return (perf_counter() - began) / APPENDS * 1000


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    many = int(MANY_EVENTS * effort.scale)
    async with (
        server.database() as large_url,
        server.database() as small_url,
        connected_store(large_url, 1) as large,
        connected_store(small_url, 1) as small,
    ):
        await fill(large_url, many)
        await fill(small_url, FEW_EVENTS)
        yield Sides(
            f"ours, {FEW_EVENTS:,} events (against {many:,})",
            partial(_milliseconds, writer(large)),
            partial(_milliseconds, writer(small)),
        )


BENCHMARKS: Final = (Benchmark("eventstore.append_growth", "ms", 1.2, _sides, less_is_better=True),)
