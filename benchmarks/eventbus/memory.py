"""Publish to the bus in memory and consume from it in one process, beside the bound.

The consumer records each event's id in PostgreSQL, as on every bus; its handler does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Final
from uuid import uuid4

from benchmarks.eventbus.events import append_events
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server
from eventbus.memory import memory_bus
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection, Pool, create_pool

BOUND: Final = 50_000.0
EVENTS: Final = 100_000
STREAMS: Final = 2_000
PAGE: Final = 1_000


async def _rate(pool: Pool, sample: Sequence[StoredEvent], events: int) -> float:
    """Return the events that are published and handled in a second."""
    published = [
        replace(sample[number % len(sample)], event_id=uuid4()) for number in range(events)
    ]
    bus, left, done = memory_bus(pool), events, asyncio.Event()

    async def handle(_: Connection, __: StoredEvent) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    await bus.subscribe("*.*", handle, group="bench")
    began = perf_counter()
    for begin in range(0, events, PAGE):
        await bus.publish(published[begin : begin + PAGE])
    async with asyncio.timeout(120):
        await done.wait()
    seconds = perf_counter() - began
    await bus.close()
    return events / seconds


async def _bound() -> float:
    return BOUND


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    events = max(int(EVENTS * effort.scale), 1_000)
    async with server.database() as url, await create_pool(url) as pool:
        await append_events(pool, STREAMS)
        sample = await PostgresEventStore(pool).load_all_events(limit=STREAMS)
        yield Sides("the bound", partial(_rate, pool, sample, events), _bound)


BENCHMARKS: Final = (Benchmark("bus.memory", "events/s", 1, _sides),)
