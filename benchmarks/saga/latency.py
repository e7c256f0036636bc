"""Compare the latency of `placeOrder` over HTTP with a no-op workflow from start to result.

Each side runs at half of its highest rate. The benchmark measures this rate after the warm-up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.saga import sides
from benchmarks.saga.load import latencies, opened_shop, quantile, throughput
from benchmarks.saga.throughput import NOOPS_PER_ORDER, orders
from benchmarks.saga.world import opened_world
from benchmarks.server import Server

HALF: Final = 0.5


@dataclass(frozen=True)
class Latency:
    share: float
    """The share of the calls that end within the figure."""
    seconds: float
    """The duration of each run. A rarer quantile needs a longer run."""

    @asynccontextmanager
    async def sides(self, server: Server, effort: Effort) -> AsyncIterator[Sides]:
        async with (
            opened_world(server) as world,
            opened_shop(world) as shop,
            sides.started_api(world) as api,
        ):
            noop = await sides.started_noop(world)
            seconds, count = max(self.seconds * effort.scale, FEWEST_SECONDS), orders(effort)

            async def noops() -> float:
                return await throughput(noop.run() for _ in repeat(None, NOOPS_PER_ORDER * count))

            our_load = HALF * await _warm(lambda: shop.rate(api, count))
            noop_load = HALF * await _warm(noops)

            async def our_run() -> float:
                return quantile(await shop.latencies(api, our_load, seconds), self.share)

            async def noop_run() -> float:
                return quantile(await latencies(noop.run, noop_load, seconds), self.share)

            yield Sides(sides.NOOP_NAME, our_run, noop_run)


async def _warm(rate: Callable[[], Awaitable[float]]) -> float:
    """Measure twice, because connections, prepared statements and caches slow the first run."""
    await rate()
    return await rate()


FEWEST_SECONDS: Final = 2.5
MAX_RATIO: Final = 1.4

BENCHMARKS: Final = tuple(
    Benchmark(
        f"saga.place_latency{which}.vs_noop",
        "ms",
        MAX_RATIO,
        Latency(share, seconds).sides,
        less_is_better=True,
    )
    for which, share, seconds in (("", 0.5, 5), (".p99", 0.99, 15))
)
