"""Relay the log to NATS, beside a bare publisher that awaits acknowledgements with the same window.

The peer publishes messages of the same sizes, which it has made before, with `nats-py` alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from itertools import count
from time import perf_counter
from typing import Final

import nats
from nats.js import JetStreamContext

from benchmarks.eventbus.broker import started_nats
from benchmarks.eventbus.events import append_events
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server
from eventbus.nats.publisher import MAX_IN_FLIGHT, NatsPublisher
from eventbus.record import NAME
from eventbus.relay import Relay
from eventstore.cloudevents import encode
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool, create_pool

EVENTS: Final = 10_000
POLL_SECONDS: Final = 0.005

_CHECKPOINT: Final = "SELECT position FROM eventstore.checkpoint WHERE name = $1"
_Message = tuple[str, bytes]


async def relay(pool: Pool, bus: NatsPublisher, events: int) -> float:
    """Return the events relayed in a second, with the time until the checkpoint has advanced."""
    last = await append_events(pool, events)
    began = perf_counter()
    relaying = asyncio.create_task(Relay(pool, PostgresEventStore(pool), bus).run())
    async with asyncio.timeout(120):
        while (await pool.fetchval(_CHECKPOINT, NAME) or 0) < last:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
    seconds = perf_counter() - began
    relaying.cancel()
    await asyncio.wait({relaying})
    return events / seconds


async def _publish(
    stream: JetStreamContext, messages: Sequence[_Message], numbers: count[int]
) -> float:
    """Return the messages that the peer published and had acknowledged in a second."""
    may_publish = asyncio.Semaphore(MAX_IN_FLIGHT)

    async def publish(message: _Message) -> None:
        async with may_publish:
            await stream.publish(*message, headers={"Nats-Msg-Id": f"peer-{next(numbers)}"})

    began = perf_counter()
    await asyncio.gather(*(publish(message) for message in messages))
    return len(messages) / (perf_counter() - began)


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    events = max(int(EVENTS * effort.scale), 1_000)
    async with (
        server.database() as url,
        await create_pool(url) as pool,
        started_nats() as address,
        aclosing(await NatsPublisher.connect(address)) as bus,
    ):
        client = await nats.connect(address)
        stream = client.jetstream()
        await stream.add_stream(name="PEER", subjects=["peer.>"])
        await append_events(pool, 1)
        (event,) = await PostgresEventStore(pool).load_all_events(limit=1)
        messages = [("peer.order", encode(event))] * events
        peer = partial(_publish, stream, messages, count())
        yield Sides("bare nats-py publisher", partial(relay, pool, bus, events), peer)
        await client.close()


BENCHMARKS: Final = (Benchmark("bus.relay.vs_nats", "events/s", 0.5, _sides),)
