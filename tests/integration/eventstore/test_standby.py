"""A real standby with streaming replication serves the log up to the announced head."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from itertools import chain
from pathlib import Path

import asyncpg
import pytest

from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError, PositionLost, SafeHeadUnknown
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Pool
from tests.integration.eventstore.conftest import to
from tests.integration.eventstore.test_follow import announcing
from tests.support.replica import Replica, replica_of

ANNOUNCE = "SELECT eventstore.announce_head(0)"
ANNOUNCE_A_FLOOR = """
    SELECT pg_advisory_xact_lock_shared(eventstore.announcement(eventstore.drawn_position()))
"""
ROW = "SELECT position FROM eventstore.announced_head"
WAL_BYTES_LIMIT = 160
"""The update of the row and its commit. Without HOT, an update would write its index too."""


@pytest.fixture
async def standby(owner_url: str, tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica_of(owner_url, tmp_path) as replica:
        yield replica


def positions(events: Iterable[StoredEvent]) -> list[int]:
    return [event.position for event in events]


async def test_a_standby_shows_the_log_up_to_the_announced_head_until_it_is_promoted(
    store: PostgresEventStore, pool: Pool, standby: Replica
) -> None:
    reader = PostgresEventStore(standby.owner)
    await store.append([to("order-1", 3)])
    await standby.catch_up()
    assert positions(await reader.load_events("order-1")) == [1, 2, 3]
    assert await reader.load_all_events() == []
    assert await reader.safe_head() == 0

    assert await pool.fetchval(ANNOUNCE) == 3
    await standby.catch_up()
    assert positions(await reader.load_all_events()) == [1, 2, 3]
    assert await reader.safe_head() == 3
    with pytest.raises(SafeHeadUnknown, match=r"Announce the head on the primary\."):
        await standby.owner.fetchval(ANNOUNCE)
    with pytest.raises((EventStoreError, asyncpg.ReadOnlySQLTransactionError)):
        await reader.append([to("order-1")])

    assert await standby.owner.fetchval("SELECT pg_promote()")
    appended = await reader.append([to("order-1")])
    assert appended.last_position > 3
    assert await reader.safe_head() == appended.last_position


async def test_an_append_that_is_under_way_holds_back_the_head_of_a_standby(
    store: PostgresEventStore, pool: Pool, standby: Replica
) -> None:
    reader = PostgresEventStore(standby.owner)
    async with pool.acquire() as slow, slow.transaction():
        await slow.fetchval(ANNOUNCE_A_FLOOR)
        await store.append([to("order-1", 2)])
        await pool.fetchval(ANNOUNCE)
        await standby.catch_up()
        assert positions(await reader.load_events("order-1")) == [1, 2]
        assert await reader.load_all_events() == []
    await pool.fetchval(ANNOUNCE)
    await standby.catch_up()

    assert positions(await reader.load_all_events()) == [1, 2]


async def test_a_position_that_the_standby_has_not_replayed_is_waited_for_and_not_lost(
    store: PostgresEventStore, pool: Pool, standby: Replica
) -> None:
    reader = PostgresEventStore(standby.owner)
    await standby.pause()
    await store.append([to("order-1", 50)])
    (*_, last) = await store.load_events("order-1")
    await pool.fetchval(ANNOUNCE)

    await reader.check_position(last.position, last.event_id)
    async with aclosing(reader.follow(last.position)) as pages:
        following = asyncio.ensure_future(anext(pages))
        appended = await store.append([to("order-2")])
        await asyncio.wait([following], timeout=0.3)
        assert not following.done()
        await standby.resume()
        async with announcing(pool):
            assert positions(await following) == [appended.last_position]

    other = (await store.load_events("order-2"))[0].event_id
    with pytest.raises(PositionLost):
        await reader.check_position(last.position, other)


async def test_a_follower_on_a_standby_gets_each_event_once_while_it_pauses_and_restarts(
    store: PostgresEventStore, pool: Pool, standby: Replica
) -> None:
    reader = PostgresEventStore(standby.owner)
    found: list[int] = []

    async def follow() -> None:
        after = 0
        while True:
            try:
                async with aclosing(reader.follow(after)) as pages:
                    async for page in pages:
                        found.extend(positions(page))
                        after = found[-1]
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.05)

    async def write(number: int) -> list[int]:
        return [
            position
            for _ in range(60)
            for position in (await store.append([to(f"order-{number}", 2)])).positions
        ]

    async with announcing(pool):
        following = asyncio.create_task(follow())
        first = await asyncio.gather(*map(write, range(4)))
        await standby.pause()
        second = await asyncio.gather(*map(write, range(4)))
        await standby.resume()
        await standby.stop()
        third = await asyncio.gather(*map(write, range(4)))
        await standby.start()
        written = sorted(chain.from_iterable([*first, *second, *third]))
        await eventually(lambda: _is_at(found, written[-1]), 30)
        following.cancel()
        await asyncio.wait([following])

    assert found == written


async def _is_at(found: list[int], last: int) -> bool:
    return found[-1:] == [last]


async def test_the_head_is_written_at_most_every_50_ms_and_then_catches_up(
    store: PostgresEventStore, pool: Pool
) -> None:
    async with pool.acquire() as connection:
        heads = set()
        async with connection.transaction():
            for _ in range(3):
                position = (await store.append([to("order-1")])).last_position
                assert await connection.fetchval(ANNOUNCE) == position
                heads.add(await connection.fetchval(ROW))
    assert heads == {1}
    async with announcing(pool):
        await eventually(lambda: pool.fetchval(f"SELECT ({ROW}) = 3"), 5)


async def test_a_head_costs_little_wal(store: PostgresEventStore, pool: Pool) -> None:
    await pool.execute("UPDATE eventstore.announced_head SET announced_at = '2000-01-01'")
    sizes = []
    for _ in range(5):
        await store.append([to("order-1")])
        await pool.execute("UPDATE eventstore.announced_head SET announced_at = '2000-01-01'")
        before = await pool.fetchval("SELECT pg_current_wal_insert_lsn()")
        await pool.fetchval(ANNOUNCE)
        written = "SELECT pg_current_wal_insert_lsn() - $1"
        sizes.append(int(await pool.fetchval(written, before)))

    assert 50 < min(sizes) <= WAL_BYTES_LIMIT
