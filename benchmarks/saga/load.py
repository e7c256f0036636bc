"""Place orders at a fixed concurrency or at a fixed rate, and measure them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from math import ceil
from time import perf_counter
from typing import Final, Protocol

from benchmarks.saga.orders import orders
from benchmarks.saga.webhooks import Hears
from benchmarks.saga.world import World
from domain.order.commands import PlaceOrder
from kit.pool import Pool
from kit.tasks import alone

AT_ONCE: Final = 30
"""The number of orders or workflows that run at a time."""
LOOK_EVERY_SECONDS: Final = 0.05
SLOWEST_SECONDS: Final = 60.0
"""Longer than an order takes on any side, so a longer wait means a fault."""

_DELIVERED: Final = """
SELECT order_id FROM readmodel.order_view
WHERE order_id = ANY($1) AND status IN ('DELIVERED', 'COMPLETED')
"""

Call = Callable[[], Awaitable[object]]


class Side(Hears, Protocol):
    async def place(self, order: PlaceOrder) -> None:
        """Place the order, and return after it is accepted."""
        ...


class Deliveries:
    """Waits for orders to be delivered. It polls the read model, which all sides write."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._awaited: dict[str, asyncio.Future[None]] = {}

    async def of(self, order_id: str) -> None:
        self._awaited[order_id] = future = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(SLOWEST_SECONDS):
            await future

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            if self._awaited:
                for row in await self._pool.fetch(_DELIVERED, list(self._awaited)):
                    self._awaited.pop(row["order_id"]).set_result(None)


class Shop:
    """Places orders on any side and follows them until they are delivered."""

    def __init__(self, world: World, deliveries: Deliveries) -> None:
        self._switchboard = world.switchboard
        self._deliveries = deliveries
        self._orders = orders()

    async def rate(self, side: Side, count: int) -> float:
        """Run `count` orders until their delivery, AT_ONCE at a time; return orders per second."""

        async def one(order: PlaceOrder) -> None:
            await self._place(side, order)
            await self._deliveries.of(order.aggregate_id)

        return await throughput(one(order) for order in islice(self._orders, count))

    async def latencies(self, side: Side, rate: float, seconds: float) -> list[float]:
        """Place orders at an even rate; return the ms after which each was accepted."""
        placed: list[str] = []

        async def one() -> None:
            order = next(self._orders)
            placed.append(order.aggregate_id)
            await self._place(side, order)

        figures = await latencies(one, rate, seconds)
        await asyncio.gather(*(self._deliveries.of(order_id) for order_id in placed))
        return figures

    async def _place(self, side: Side, order: PlaceOrder) -> None:
        self._switchboard.connect(order.aggregate_id, side)
        await side.place(order)


@asynccontextmanager
async def opened_shop(world: World) -> AsyncIterator[Shop]:
    deliveries = Deliveries(world.pool)
    async with alone(), asyncio.TaskGroup() as group:
        watch = group.create_task(deliveries.watch())
        yield Shop(world, deliveries)
        watch.cancel()


async def throughput(jobs: Iterator[Awaitable[object]]) -> float:
    """Run the jobs, AT_ONCE at a time, and return the jobs per second."""

    async def some() -> int:
        done = 0
        for job in jobs:
            await job
            done += 1
        return done

    began = perf_counter()
    done = await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return sum(done) / (perf_counter() - began)


async def latencies(call: Call, rate: float, seconds: float) -> list[float]:
    """Start calls at an even rate without waiting for earlier ones; return their times in ms."""

    async def timed(number: int) -> float:
        await asyncio.sleep(number / rate)
        began = perf_counter()
        await call()
        return (perf_counter() - began) * 1000

    return await asyncio.gather(*(timed(number) for number in range(int(rate * seconds))))


def quantile(figures: list[float], share: float) -> float:
    """Return the smallest figure that at least this share of the figures do not exceed."""
    return sorted(figures)[max(ceil(share * len(figures)), 1) - 1]
