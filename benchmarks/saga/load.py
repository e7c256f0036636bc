"""Orders on their way: so many at a time, or so many a second, and how each fares."""

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
"""Orders, or workflows, under way at a time."""
LOOK_EVERY_SECONDS: Final = 0.05
SLOWEST_SECONDS: Final = 60.0
"""No order takes as long on any side: whoever waits longer waits for nothing."""

_DELIVERED: Final = """
SELECT order_id FROM readmodel.order_view
WHERE order_id = ANY($1) AND status IN ('DELIVERED', 'COMPLETED')
"""

Call = Callable[[], Awaitable[object]]


class Side(Hears, Protocol):
    async def place(self, order: PlaceOrder) -> None:
        """Returns once the order is accepted."""
        ...


class Deliveries:
    """Tells of each order when it is delivered: the read model says so, whoever wrote it."""

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
        """Orders a second, from placed to delivered: of so many, AT_ONCE of them under way."""

        async def one(order: PlaceOrder) -> None:
            await self._place(side, order)
            await self._deliveries.of(order.aggregate_id)

        return await throughput(one(order) for order in islice(self._orders, count))

    async def latencies(self, side: Side, rate: float, seconds: float) -> list[float]:
        """Of orders that come at this even rate: after how many ms each was accepted."""
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
    """Jobs a second, AT_ONCE at a time."""

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
    """Of calls that begin at this even rate, none waiting for another: how many ms each took."""

    async def timed(number: int) -> float:
        await asyncio.sleep(number / rate)
        began = perf_counter()
        await call()
        return (perf_counter() - began) * 1000

    return await asyncio.gather(*(timed(number) for number in range(int(rate * seconds))))


def quantile(figures: list[float], share: float) -> float:
    """The smallest of the figures that at least this share of them do not exceed."""
    return sorted(figures)[max(ceil(share * len(figures)), 1) - 1]
