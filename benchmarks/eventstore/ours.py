"""Append through the event store, as an application does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from benchmarks.eventstore.sample import Orders, new_events
from benchmarks.load import Load, concurrent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import create_pool

HOT_STREAM = "order-hot"


@asynccontextmanager
async def connected_store(url: str, connections: int) -> AsyncIterator[PostgresEventStore]:
    async with await create_pool(url, size=connections) as pool:
        yield PostgresEventStore(pool)


@asynccontextmanager
async def appending(url: str, writers: int, batch: int = 1) -> AsyncIterator[Load]:
    """Yield a load in which each writer has its streams and each append expects a version."""
    async with connected_store(url, writers) as store:
        yield concurrent([writer(store, batch) for _ in range(writers)], batch)


def writer(store: PostgresEventStore, batch: int = 1) -> Callable[[], Awaitable[int]]:
    """Return a function that appends to the next order and returns the last event's position."""
    orders = Orders()

    async def append() -> int:
        order_id, version = orders.advance(batch)
        events = new_events(order_id, batch)
        return (await store.save_events(f"order-{order_id}", events, version)).last_position

    return append


@asynccontextmanager
async def appending_to_one_stream(url: str, writers: int) -> AsyncIterator[Load]:
    """Yield a load in which all writers append to one stream at any version."""
    async with connected_store(url, writers) as store:

        async def append() -> None:
            await store.save_events(HOT_STREAM, new_events("hot"), ANY)

        yield concurrent([append] * writers)
