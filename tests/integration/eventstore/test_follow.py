from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from domain.inventory.events import StockReceived
from eventstore import tail
from eventstore.envelope import NewEvent
from eventstore.head import HeadAnnouncer
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from tests.integration.eventstore.conftest import METADATA, some_events, to

CUT_THE_LEADER = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 7004 AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@asynccontextmanager
async def announcing(pool: Pool) -> AsyncIterator[None]:
    task = asyncio.create_task(HeadAnnouncer(pool).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def followed(
    store: PostgresEventStore, after: int, count: int, **filters: object
) -> list[int]:
    """Return the positions of the next events that a follower gets."""
    positions: list[int] = []
    async with asyncio.timeout(10), aclosing(store.follow(after, **filters)) as pages:  # type: ignore[arg-type]  # one keyword
        async for page in pages:
            positions += [event.position for event in page]
            if len(positions) >= count:
                break
    return positions


async def test_a_follower_gets_what_is_there_and_then_what_comes(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1", 2)])
    async with announcing(pool):
        following = asyncio.create_task(followed(store, after=1, count=3))
        await store.append([to("order-2")])
        await store.append([to("order-1")])

        assert await following == [2, 3, 4]


async def test_the_announced_head_reaches_a_follower_before_its_next_poll(
    store: PostgresEventStore, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "POLL_SECONDS", 3600)
    async with announcing(pool):
        following = asyncio.create_task(followed(store, after=0, count=2))
        await store.append([to("order-1")])
        await store.append([to("order-1")])

        assert await following == [1, 2]


async def test_a_follower_polls_without_a_leader(store: PostgresEventStore) -> None:
    following = asyncio.create_task(followed(store, after=0, count=1))
    await store.append([to("order-1")])

    assert await following == [1]


async def test_a_reader_of_some_types_or_categories_sees_no_others(
    store: PostgresEventStore,
) -> None:
    await store.append([to("order-1", 3)])
    received = NewEvent(some_events()[0].event_id, StockReceived(sku="s", quantity=1), METADATA)
    await store.save_events("inventory-s", [received], 0)
    await store.append([to("order-1")])

    assert await followed(store, after=0, count=1, types=["StockReceived"]) == [4]
    assert await followed(store, after=0, count=1, categories=["inventory"]) == [4]
    orders = await store.load_all_events(2, 2, categories=["order"])
    assert [event.position for event in orders] == [3, 5]
    assert await store.load_all_events(types=["StockReceived"], categories=["order"]) == []
    for nothing in ([], ["orde"], ["order-1"], ["order-"], [""], ["'; --"]):
        assert await store.load_all_events(categories=nothing) == []


async def test_another_leads_when_the_leader_has_lost_its_connection(
    store: PostgresEventStore, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "POLL_SECONDS", 3600)
    monkeypatch.setattr("kit.restart.FIRST_PAUSE_SECONDS", 0.01)
    async with announcing(pool), announcing(pool):
        await store.append([to("order-1")])
        assert await followed(store, after=0, count=1) == [1]
        assert await pool.fetchval(CUT_THE_LEADER) == 1
        following = asyncio.create_task(followed(store, after=1, count=1))
        await store.append([to("order-1")])

        assert await following == [2]
