"""Compare the CPU time of an order, from its placement to its delivery, over all processes.

Those are the side's own processes, PostgreSQL and the providers' simulators. The caller, which
places the orders and passes the notifications on, is the benchmark's process and does not count.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import psutil

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.saga import sides
from benchmarks.saga.load import Shop, Side, opened_shop
from benchmarks.saga.restate import RESTATE, RESTATE_NAME, SERVER, started_restate
from benchmarks.saga.throughput import orders
from benchmarks.saga.world import World, opened_world
from benchmarks.server import Server
from kit.pool import Pool

SHARED: Final = ("payment-simulator", "carrier-simulator")
TEMPORAL: Final = "temporal"
MS_IN_A_SECOND: Final = 1000


@asynccontextmanager
async def vs_restate(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with (
        opened_world(server) as world,
        opened_shop(world) as shop,
        started_restate(world) as restate,
    ):
        ours, count = await sides.started_ours(world), orders(effort)
        yield Sides(
            RESTATE_NAME,
            await _cost(world, shop, ours, count, sides.OURS, TEMPORAL),
            await _cost(world, shop, restate, count, RESTATE, SERVER),
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
            sides.DBOS_NAME,
            await _cost(world, shop, ours, count, sides.OURS, TEMPORAL),
            await _cost(world, shop, dbos, count, sides.DBOS),
        )


async def _cost(
    world: World, shop: Shop, side: Side, count: int, *programs: str
) -> Callable[[], Awaitable[float]]:
    """Return a run of these orders, whose figure is the CPU milliseconds that each took."""
    named = {*programs, *SHARED}
    pids = [child.pid for child in world.supervisor.children if child.program.name in named]
    pids.append(await _postmaster(world.pool))
    return partial(_milliseconds, shop, side, count, pids)


async def _milliseconds(shop: Shop, side: Side, count: int, pids: Sequence[int]) -> float:
    before = cpu_seconds(pids)
    await shop.rate(side, count)
    return (cpu_seconds(pids) - before) / count * MS_IN_A_SECOND


async def _postmaster(pool: Pool) -> int:
    async with pool.acquire() as connection:
        backend: int = await connection.fetchval("SELECT pg_backend_pid()")
    return psutil.Process(backend).ppid()


def cpu_seconds(pids: Collection[int]) -> float:
    """Return the CPU time of these processes, and of all that they have started."""
    return sum(_cpu_seconds_of(psutil.Process(pid)) for pid in pids)


def _cpu_seconds_of(process: psutil.Process) -> float:
    try:
        children, own = process.children(), process.cpu_times()
    except psutil.NoSuchProcess:  # it has just ended, and its parent counts its time from now on
        return 0.0
    ended = own.children_user + own.children_system
    return own.user + own.system + ended + sum(map(_cpu_seconds_of, children))


BENCHMARKS: Final = (
    Benchmark("saga.cpu.vs_dbos", "CPU ms/order", 0.8, vs_dbos, less_is_better=True),
    Benchmark(
        "saga.cpu.vs_restate",
        "CPU ms/order",
        1.0,
        vs_restate,
        less_is_better=True,
        least_prefix="saga.cpu",
    ),
)
