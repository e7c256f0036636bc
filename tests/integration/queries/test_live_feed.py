"""A page of the log holds more events of one stream than a listener's queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from uuid import uuid4

import pytest

from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Pool
from queries.feed import QUEUE_LIMIT, TIMEOUT_SECONDS, FellBehind, Listener, LiveFeed
from tests.integration.eventstore.conftest import some_events


@pytest.fixture
def store(module_pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(module_pool)


@pytest.fixture
async def feed(store: PostgresEventStore) -> AsyncIterator[LiveFeed]:
    feed = LiveFeed(store)
    yield feed
    await feed.close()


@pytest.fixture
def stream() -> str:
    return f"order-{uuid4()}"


async def taken(listener: Listener, count: int, pause: float | None = None) -> list[int]:
    """Take this many events, with a pause for other work after each; return their versions."""
    versions: list[int] = []
    async with asyncio.timeout(20):
        while len(versions) < count:
            versions.append((await listener.next()).version)
            if pause is not None:
                await asyncio.sleep(pause)
    return versions


async def until_it_fell_behind(listener: Listener) -> list[StoredEvent]:
    received: list[StoredEvent] = []
    async with asyncio.timeout(20):
        while True:
            try:
                received.append(await listener.next())
            except FellBehind:
                return received


@pytest.mark.parametrize("count", [QUEUE_LIMIT, QUEUE_LIMIT + 1, 1_000, 3_500])
@pytest.mark.parametrize("pause", [None, 0])
async def test_a_fast_listener_gets_every_event_of_a_page(
    store: PostgresEventStore, feed: LiveFeed, stream: str, count: int, pause: float | None
) -> None:
    async with feed.listen([stream]) as listener:
        taking = asyncio.create_task(taken(listener, count, pause))
        await store.save_events(stream, some_events(count), ANY)

        assert await taking == list(range(1, count + 1))


async def test_a_listener_that_waits_for_io_after_each_event_gets_257_of_a_page(
    store: PostgresEventStore, feed: LiveFeed, stream: str
) -> None:
    async with feed.listen([stream]) as listener:
        taking = asyncio.create_task(taken(listener, QUEUE_LIMIT + 1, pause=0.001))
        await store.save_events(stream, some_events(QUEUE_LIMIT + 1), ANY)

        assert await taking == list(range(1, QUEUE_LIMIT + 2))


async def test_a_listener_that_takes_nothing_ends_and_keeps_the_first_of_its_events(
    store: PostgresEventStore, feed: LiveFeed, stream: str
) -> None:
    async with feed.listen([stream]) as idle, feed.listen(["order-marker"]) as marker:
        await store.save_events(stream, some_events(1_000), ANY)
        await store.save_events("order-marker", some_events(1), ANY)
        async with asyncio.timeout(20):
            await marker.next()  # the feed has read all before it hands out any

        received = await until_it_fell_behind(idle)

    assert [event.version for event in received] == list(range(1, QUEUE_LIMIT + 1))


async def test_fifty_listeners_that_take_nothing_delay_the_others_once_and_briefly(
    store: PostgresEventStore, feed: LiveFeed, stream: str
) -> None:
    ends = [feed.listen([stream]) for _ in range(50)]
    idle = [await end.__aenter__() for end in ends]
    async with feed.listen([stream]) as listener:
        began = perf_counter()
        taking = asyncio.create_task(taken(listener, 2_000))
        await store.save_events(stream, some_events(1_000), ANY)
        await store.save_events(stream, some_events(1_000), ANY)

        assert len(await taking) == 2_000
        assert perf_counter() - began < TIMEOUT_SECONDS * 10  # one by one: 50 times

    for end, listener in zip(ends, idle, strict=True):
        assert len(await until_it_fell_behind(listener)) == QUEUE_LIMIT
        await end.__aexit__(None, None, None)


async def test_a_slow_listener_delays_the_others_no_longer_than_an_idle_listener(
    store: PostgresEventStore, feed: LiveFeed, stream: str
) -> None:
    async with feed.listen([stream]) as slow, feed.listen([stream]) as listener:
        crawling = asyncio.create_task(taken(slow, 1_000, pause=0.005))
        began = perf_counter()
        taking = asyncio.create_task(taken(listener, 1_000))
        await store.save_events(stream, some_events(1_000), ANY)

        assert len(await taking) == 1_000
        assert perf_counter() - began < TIMEOUT_SECONDS * 10
        with pytest.raises(FellBehind):
            await crawling


async def test_a_listener_that_leaves_with_a_full_queue_blocks_no_other(
    store: PostgresEventStore, feed: LiveFeed, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queries.feed.TIMEOUT_SECONDS", 3600)
    async with feed.listen(["order-marker"]) as marker:
        async with feed.listen([stream]) as leaving:
            await store.save_events(stream, some_events(QUEUE_LIMIT + 1), ANY)
            await store.save_events("order-marker", some_events(1), ANY)
            await taken(leaving, 1)
        async with asyncio.timeout(20):
            await marker.next()

    assert feed.listeners == 0


async def test_a_listener_that_joins_a_waiting_feed_gets_each_later_event_once(
    store: PostgresEventStore, feed: LiveFeed, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queries.feed.TIMEOUT_SECONDS", 3600)
    async with feed.listen([stream]) as first:
        await store.save_events(stream, some_events(QUEUE_LIMIT + 9), ANY)
        assert (await first.next()).version == 1
        await eventually(lambda: first.is_full)  # the feed waits for room then
        async with feed.listen([stream]) as second:
            joined = [e for e in await store.load_events(stream) if e.position > second.start]
            rest = asyncio.create_task(taken(second, len(joined)))
            await taken(first, QUEUE_LIMIT + 8)

            assert await rest == [event.version for event in joined]
