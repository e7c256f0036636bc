"""Compare orders until their delivery with the naive saga, with DBOS and with a no-op."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import repeat
from typing import Final

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.saga import sides
from benchmarks.saga.load import opened_shop, throughput
from benchmarks.saga.restate import RESTATE_NAME, started_restate
from benchmarks.saga.world import opened_world
from benchmarks.server import Server

ORDERS: Final = 240
"""Enough that the start and the end, with fewer than AT_ONCE running orders, weigh little."""
FEWEST: Final = 40
"""Fewer orders would end before AT_ONCE of them have run for long enough."""
VS_RESTATE: Final = "saga.orders.vs_restate"
NOOPS_PER_ORDER: Final = 3
"""No-ops run fast, so a measurable run needs more of them."""


@asynccontextmanager
async def vs_naive(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with opened_world(server) as world, opened_shop(world) as shop:
        ours, naive = await sides.started_ours(world), await sides.started_naive(world)
        count = orders(effort)
        yield Sides(
            sides.NAIVE_NAME, partial(shop.rate, ours, count), partial(shop.rate, naive, count)
        )


@asynccontextmanager
async def vs_dbos(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with (
        opened_world(server) as world,
        opened_shop(world) as shop,
        sides.started_dbos(world) as dbos,
    ):
        ours, count = await sides.started_ours(world), orders(effort)
        yield Sides(
            sides.DBOS_NAME, partial(shop.rate, ours, count), partial(shop.rate, dbos, count)
        )


@asynccontextmanager
async def vs_restate(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with (
        opened_world(server) as world,
        opened_shop(world) as shop,
        started_restate(world) as restate,
    ):
        ours, count = await sides.started_ours(world), orders(effort)
        yield Sides(
            RESTATE_NAME, partial(shop.rate, ours, count), partial(shop.rate, restate, count)
        )


@asynccontextmanager
async def vs_noop(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with opened_world(server) as world, opened_shop(world) as shop:
        ours, noop = await sides.started_ours(world), await sides.started_noop(world)
        count = orders(effort)

        async def noops() -> float:
            return await throughput(noop.run() for _ in repeat(None, NOOPS_PER_ORDER * count))

        yield Sides(sides.NOOP_NAME, partial(shop.rate, ours, count), noops)


def orders(effort: Effort) -> int:
    return max(round(ORDERS * effort.scale), FEWEST)


BENCHMARKS: Final = (
    Benchmark("saga.orders.vs_naive", "orders/s", 2, vs_naive),
    Benchmark("saga.orders.vs_dbos", "orders/s", 1.3, vs_dbos),
    Benchmark(VS_RESTATE, "orders/s", None, vs_restate, least_prefix=VS_RESTATE),
    Benchmark("saga.orders.vs_noop", "a second", 0.15, vs_noop),
)
