"""NATS answers nothing while events are published: the calls fail in time, and no order breaks."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import timedelta

import pytest

from eventbus.errors import BusUnavailable
from eventbus.nats import acknowledged
from eventbus.nats.publisher import MAX_IN_FLIGHT, NatsPublisher
from eventstore.cloudevents import decode
from eventstore.envelope import StoredEvent
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker

FAILS_WITHIN_SECONDS = 15


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acknowledged, "PUBLISH_TIMEOUT", timedelta(seconds=1))


@contextmanager
def stopped(broker: NatsBroker) -> Iterator[None]:
    assert broker.child is not None
    os.kill(broker.child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.child.pid, signal.SIGCONT)


async def fails(bus: NatsPublisher, *pages: Sequence[StoredEvent]) -> None:
    async with asyncio.timeout(FAILS_WITHIN_SECONDS):
        results = await asyncio.gather(*map(bus.publish, pages), return_exceptions=True)
    assert [type(result) for result in results] == [BusUnavailable] * len(pages)


async def kept(broker: NatsBroker) -> dict[str, list[int]]:
    """Return the versions of each stream that the stream keeps, in its order."""
    versions = defaultdict(list)
    for message in await broker.messages():
        event = decode(message.data)
        versions[event.stream_id].append(event.version)
    return versions


async def test_calls_to_a_silent_server_fail_and_each_event_is_kept_once_later(
    log: Log, broker: NatsBroker
) -> None:
    streams = [f"order-{number}" for number in range(MAX_IN_FLIGHT)]
    for _ in range(3):
        for stream in streams:
            await log.append(1, stream)
    page = await log.events()
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await bus.holdings()
        with stopped(broker):
            # The first call fills the window; the second waits for it, and a third comes later.
            await fails(bus, page[:150], page[150:])
            await fails(bus, page)
        await bus.publish(page)
        assert await kept(broker) == {stream: [1, 2, 3] for stream in streams}


async def test_large_events_that_fill_the_connection_hold_back_no_failure(
    log: Log, broker: NatsBroker
) -> None:
    for number in range(12):
        await log.append(1, f"order-{number % 6}", "x" * 900_000)
    page = await log.events()
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await bus.holdings()
        with stopped(broker):
            await fails(bus, page)
            await fails(bus, page)
        await bus.publish(page)
        assert await kept(broker) == {f"order-{number}": [1, 2] for number in range(6)}


async def test_a_call_that_is_cancelled_ends_at_once_and_the_next_is_complete(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(20, text="x" * 400_000)
    page = await log.events()
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await bus.holdings()
        with stopped(broker):
            publishing = asyncio.create_task(bus.publish(page))
            await asyncio.sleep(0)
            publishing.cancel()
            async with asyncio.timeout(FAILS_WITHIN_SECONDS):
                await asyncio.wait({publishing})
            assert publishing.cancelled()
        await bus.publish(page)
        assert await kept(broker) == {"order-1": list(range(1, 21))}
