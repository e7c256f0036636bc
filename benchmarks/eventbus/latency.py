"""Measure the time from an append's commit to a consumer's handler, at 500 events a second.

The relay, the head's leader and the consumer share one process with the writers. The bound takes
the peer's place: the ratio is the used share of the bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from statistics import quantiles
from time import perf_counter
from typing import Final
from uuid import UUID, uuid4

from benchmarks.eventbus.broker import started_nats
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server
from domain.order.events import OrderReserved
from eventbus.bus import EventBus
from eventbus.nats.bus import connected_bus
from eventbus.relay import Relay
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent
from eventstore.head import HeadAnnouncer
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection, Pool, create_pool

BOUND_MILLISECONDS: Final = 100.0
EVENTS_PER_SECOND: Final = 500
WRITERS: Final = 4
SECONDS: Final = 15.0
PAIRS: Final = 2
METADATA: Final = EventMetadata(correlation_id="latency", actor="system")


class Latencies:
    def __init__(self) -> None:
        self.handled: dict[UUID, float] = {}

    async def __call__(self, _: Connection, event: StoredEvent) -> None:
        self.handled.setdefault(UUID(str(event.event_id)), perf_counter())

    async def has(self, events: int) -> None:
        async with asyncio.timeout(30):
            while len(self.handled) < events:  # noqa: ASYNC110 - after the measured time
                await asyncio.sleep(0.01)


async def _write(pool: Pool, deadline: float) -> dict[UUID, float]:
    """Append at the given pace; return the time by which each event was committed."""
    store, committed, due = PostgresEventStore(pool), {}, perf_counter()
    while due < deadline:
        await asyncio.sleep(due - perf_counter())
        event = NewEvent(uuid4(), OrderReserved(order_id="latency"), METADATA)
        await store.save_events(f"order-{event.event_id}", [event], 0)
        committed[event.event_id] = perf_counter()
        due += WRITERS / EVENTS_PER_SECOND
    return committed


async def _p99(pool: Pool, bus: EventBus, seconds: float) -> float:
    """Return the 99th percentile in milliseconds."""
    latencies = Latencies()
    await bus.subscribe("*.*", latencies, group=f"bench-{uuid4().hex[:8]}")
    began = len(await PostgresEventStore(pool).load_all_events(limit=100_000))
    await latencies.has(began)
    deadline = perf_counter() + seconds
    written = await asyncio.gather(*(_write(pool, deadline) for _ in range(WRITERS)))
    committed = {event: at for events in written for event, at in events.items()}
    await latencies.has(began + len(committed))
    await bus.unsubscribe("*.*", latencies)
    delays = [max(0.0, latencies.handled[event] - at) for event, at in committed.items()]
    return quantiles(delays, n=100)[-1] * 1000


async def _bound() -> float:
    return BOUND_MILLISECONDS


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with (
        server.database() as url,
        await create_pool(url, size=WRITERS + 16) as pool,
        started_nats() as address,
    ):
        bus = await connected_bus(address, pool)
        jobs = [
            asyncio.create_task(HeadAnnouncer(pool).run()),
            asyncio.create_task(Relay(pool, PostgresEventStore(pool), bus).run()),
        ]
        seconds = max(SECONDS * effort.scale, 0.5)
        name = f"the bound (p99, at {EVENTS_PER_SECOND} events/s)"
        try:
            yield Sides(name, partial(_p99, pool, bus, seconds), _bound)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.wait(jobs)
            await bus.close()


BENCHMARKS: Final = (
    Benchmark("bus.latency_p99", "ms", 1, _sides, less_is_better=True, max_pairs=PAIRS),
)
