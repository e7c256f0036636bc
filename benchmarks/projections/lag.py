"""Measure the lag of a following projection while 2,000 events a second are appended.

The lag is the time from the commit of an append to the commit of its rows. A poll of the checkpoint
sees the latter, so that the figure includes the interval of the polls. The bound takes the peer's
place: the ratio is the used share of the bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from statistics import quantiles
from time import perf_counter
from typing import Final, NamedTuple
from uuid import uuid4

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.projections.counts import COUNTS, create_table
from benchmarks.projections.following import following
from benchmarks.projections.order_log import EVENTS_OF_AN_ORDER, events_of_an_order
from benchmarks.server import Server
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool, create_pool

BOUND_MILLISECONDS: Final = 250.0
EVENTS_PER_SECOND: Final = 2_000
WRITERS: Final = 4
SECONDS: Final = 20.0
PAIRS: Final = 2
POLL_SECONDS: Final = 0.005
START_SECONDS: Final = 30.0

_CHECKPOINT: Final = "SELECT position FROM eventstore.checkpoint WHERE name = $1"


class Seen(NamedTuple):
    """A position, and the time at which it was known to be committed."""

    position: int
    at: float


async def _append(store: PostgresEventStore) -> Seen:
    """Append an order with all its events."""
    order_id = str(uuid4())
    metadata = EventMetadata(correlation_id=order_id, actor="system")
    events = [NewEvent(uuid4(), event, metadata) for event in events_of_an_order(order_id)]
    result = await store.save_events(f"order-{order_id}", events, 0)
    return Seen(result.last_position, perf_counter())


async def _paced(store: PostgresEventStore, every: float, deadline: float) -> Sequence[Seen]:
    """Append once every `every` seconds, and at once when an append is late."""
    committed, due = [], perf_counter()
    while due < deadline:
        await asyncio.sleep(due - perf_counter())
        committed.append(await _append(store))
        due += every
    return committed


async def _reach(pool: Pool, wanted: asyncio.Future[int]) -> Sequence[Seen]:
    """Return the positions of the checkpoint, up to the wanted one."""
    reached = [Seen(0, perf_counter())]
    async with pool.acquire() as connection:
        while not wanted.done() or reached[-1].position < wanted.result():
            position = await connection.fetchval(_CHECKPOINT, COUNTS.checkpoint) or 0
            if position > reached[-1].position:
                reached.append(Seen(position, perf_counter()))
            await asyncio.sleep(POLL_SECONDS)
    return reached


def lags(committed: Sequence[Seen], reached: Sequence[Seen]) -> Sequence[float]:
    """Return the seconds from each commit until the checkpoint reached its position."""
    later = iter(reached)
    checkpoint = next(later)
    found = []
    for append in sorted(committed):
        while checkpoint.position < append.position:
            checkpoint = next(later)
        found.append(max(0.0, checkpoint.at - append.at))
    return found


async def _p99(pool: Pool, seconds: float) -> float:
    """Return the 99th percentile in milliseconds."""
    store, last = PostgresEventStore(pool), asyncio.get_running_loop().create_future()
    every = WRITERS * EVENTS_OF_AN_ORDER / EVENTS_PER_SECOND
    polling = asyncio.create_task(_reach(pool, last))
    deadline = perf_counter() + seconds
    writers = await asyncio.gather(*(_paced(store, every, deadline) for _ in range(WRITERS)))
    committed = [append for appends in writers for append in appends]
    last.set_result(max(committed).position)
    async with asyncio.timeout(START_SECONDS):
        reached = await polling
    return quantiles(lags(committed, reached), n=100)[-1] * 1000


async def _bound() -> float:
    return BOUND_MILLISECONDS


async def _started(pool: Pool) -> None:
    """Append an order and wait for its rows, so that the follower leads."""
    last: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    last.set_result((await _append(PostgresEventStore(pool))).position)
    async with asyncio.timeout(START_SECONDS):
        await _reach(pool, last)


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with server.database() as url, await create_pool(url, size=WRITERS + 1) as pool:
        await create_table(url)
        async with following(url):
            await _started(pool)
            name = f"the bound (p99, at {EVENTS_PER_SECOND:,} events/s)"
            yield Sides(name, partial(_p99, pool, SECONDS * effort.scale), _bound)


BENCHMARKS: Final = (
    Benchmark("projection.lag_p99", "ms", 1, _sides, less_is_better=True, max_pairs=PAIRS),
)
