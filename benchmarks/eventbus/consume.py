"""Consume events from NATS, beside a bare pull consumer of `nats-py`.

Both make the same effect: a row for each event, in a transaction for each batch. The peer decodes
the JSON and acknowledges each message; it keeps no order after a fault, and repeats effects.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from time import perf_counter
from typing import Final
from uuid import UUID

import nats
import nats.errors
from nats.js import JetStreamContext

from benchmarks.eventbus.broker import started_nats
from benchmarks.eventbus.events import append_events
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server
from eventbus.bus import EventBus
from eventbus.nats.bus import connected_bus
from eventbus.nats.pull import AT_ONCE
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection, Pool, create_pool

EVENTS: Final = 6_000
TABLE: Final = "CREATE TABLE public.effect (event_id uuid NOT NULL, reader text NOT NULL)"
EFFECT: Final = "INSERT INTO public.effect (event_id, reader) VALUES ($1, $2)"


class Counting:
    """A handler that makes the effect, and notes when all have been made."""

    def __init__(self, events: int) -> None:
        self._left = events
        self.done = asyncio.Event()

    async def __call__(self, connection: Connection, event: StoredEvent) -> None:
        await connection.execute(EFFECT, event.event_id, "ours")
        self._left -= 1
        if self._left <= 0:
            self.done.set()


async def _ours(bus: EventBus, events: int, groups: count[int]) -> float:
    handler = Counting(events)
    began = perf_counter()
    await bus.subscribe("*.*", handler, group=f"bench-{next(groups)}")
    async with asyncio.timeout(120):
        await handler.done.wait()
    seconds = perf_counter() - began
    await bus.unsubscribe("*.*", handler)
    return events / seconds


async def _peer(stream: JetStreamContext, pool: Pool, events: int, groups: count[int]) -> float:
    began = perf_counter()
    durable = f"peer-{next(groups)}"
    subscription = await stream.pull_subscribe("waybill.events.>", durable, stream="WAYBILL")
    left = events
    while left > 0:
        messages = await subscription.fetch(min(AT_ONCE, left), timeout=5)
        async with pool.acquire() as connection, connection.transaction():
            for message in messages:
                await connection.execute(EFFECT, UUID(json.loads(message.data)["id"]), "peer")
        for message in messages:
            await message.ack()
        left -= len(messages)
    seconds = perf_counter() - began
    await subscription.unsubscribe()
    return events / seconds


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    events = max(int(EVENTS * effort.scale), 500)
    async with (
        server.database() as url,
        await create_pool(url) as pool,
        started_nats() as address,
    ):
        await pool.execute(TABLE)
        bus = await connected_bus(address, pool)
        client = await nats.connect(address)
        await bus.holdings()
        await append_events(pool, events)
        await bus.publish(await PostgresEventStore(pool).load_all_events(limit=events))
        peer = partial(_peer, client.jetstream(), pool, events, count())
        yield Sides("bare nats-py pull consumer", partial(_ours, bus, events, count()), peer)
        await client.close()
        await bus.close()


BENCHMARKS: Final = (Benchmark("bus.consume.vs_nats", "events/s", 0.5, _sides),)
