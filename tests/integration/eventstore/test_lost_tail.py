"""The readers of a log that has lost its tail get an error and do not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import asyncpg
import pytest

from eventstore import checkpoint
from eventstore.checkpoint import Checkpoint, CheckpointLost, warn_of_lost_checkpoints
from eventstore.checkpoints import NotInTheLog, set_right
from eventstore.errors import PositionLost, UnsafeSequence
from eventstore.postgres import PostgresEventStore
from eventstore.protocol import EventStore
from kit.pool import Pool, create_pool
from tests.integration.eventstore.conftest import to
from tests.support.lost_tail import lose_tail

CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
PUT = "INSERT INTO eventstore.checkpoint (name, position) VALUES ($1, $2)"
CHECKPOINTS = "SELECT name, position FROM eventstore.checkpoint ORDER BY name"


@pytest.fixture
async def pool(owner_url: str) -> AsyncIterator[Pool]:
    """A pool with the owner's role, because these tests do what no process may do."""
    async with await create_pool(owner_url) as pool:
        yield pool


async def first_page(store: EventStore, after: int) -> list[int]:
    async with asyncio.timeout(10), aclosing(store.follow(after)) as pages:
        return [event.position for event in await anext(pages)]


async def test_a_read_from_above_the_log_is_refused(store: PostgresEventStore) -> None:
    await store.append([to("order-1", 3)])

    with pytest.raises(PositionLost) as lost:
        await store.load_all_events(4)
    assert (lost.value.position, lost.value.drawn) == (4, 3)
    assert str(lost.value).startswith("position 4 is not in the log, which has drawn 3: ")
    assert await store.load_all_events(3) == []


async def test_following_from_above_the_log_is_refused(store: PostgresEventStore) -> None:
    await store.append([to("order-1", 3)])

    with pytest.raises(PositionLost):
        await first_page(store, 4)


async def test_a_drawn_position_without_an_event_is_no_loss(
    store: PostgresEventStore, pool: Pool
) -> None:
    """A crash moves the sequence up by as many as 32, and these are never drawn again."""
    await store.append([to("order-1", 3)])
    await pool.execute("SELECT setval('eventstore.event_position', 35)")
    following = asyncio.create_task(first_page(store, 20))
    await store.append([to("order-1")])

    assert await following == [36]
    assert [event.position for event in await store.load_all_events(30)] == [36]


async def test_a_position_above_a_head_that_an_append_holds_back_is_not_refused(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1", 3)])
    async with pool.acquire() as slow, slow.transaction():
        await slow.execute("SELECT pg_advisory_xact_lock_shared(eventstore.announcement(1))")

        assert await store.load_all_events(3) == []
    assert [event.position for event in await store.load_all_events(2)] == [3]


async def test_a_follower_notices_that_the_tail_vanishes_while_it_waits(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1", 3)])
    async with asyncio.timeout(10), aclosing(store.follow(0)) as pages:
        assert [event.position for event in await anext(pages)] == [1, 2, 3]
        waiting = asyncio.ensure_future(anext(pages))
        await lose_tail(pool, 1)

        with pytest.raises(PositionLost):
            await waiting


async def test_a_follower_notices_other_events_in_the_place_of_a_lost_tail(
    store: PostgresEventStore, pool: Pool, owner_url: str
) -> None:
    await store.append([to("order-1", 3)])
    async with asyncio.timeout(10), aclosing(store.follow(0)) as pages:
        assert [event.position for event in await anext(pages)] == [1, 2, 3]
        connection = await asyncpg.connect(owner_url.replace("+asyncpg", ""))
        await connection.execute(CUT)
        await connection.close()
        await lose_tail(pool, 1)
        await store.append([to("order-1", 9)])

        with pytest.raises(PositionLost, match="position 3 is not in the log, "):
            await anext(pages)


async def test_a_checkpoint_above_the_log_is_refused_by_its_name(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1", 3)])
    await pool.execute(PUT, "relay", 3)
    async with pool.acquire() as connection:
        assert (await Checkpoint.read(connection, "relay")).position == 3
        await lose_tail(pool, 1)

        with pytest.raises(CheckpointLost) as lost:
            await Checkpoint.read(connection, "relay")
    assert str(lost.value) == (
        "checkpoint relay is at position 3, which the log has lost (it has drawn 1):"
        " set it right with `python -m eventstore.checkpoints set-right --name relay`"
    )


async def test_a_checkpoint_stays_lost_when_other_events_have_come_up_to_it(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1", 3)])
    async with pool.acquire() as connection:
        relay = await Checkpoint.read(connection, "relay")
        await relay.advance(3)
        await lose_tail(pool, 1)
        await store.append([to("order-1", 9)])

        with pytest.raises(CheckpointLost):
            await Checkpoint.read(connection, "relay")
        await relay.advance(4)
        assert (await Checkpoint.read(connection, "relay")).position == 4


async def test_each_checkpoint_above_the_log_causes_one_warning(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    for name, position in (("relay", 0), ("compared", 5), ("rotation", 7)):
        await pool.execute(PUT, name, position)

    await warn_of_lost_checkpoints(pool)

    lines = [r.getMessage() for r in caplog.records if r.name == checkpoint.logger.name]
    assert [line.partition(":")[0] for line in lines] == [
        "checkpoint compared is at position 5, which the log has lost (it has drawn 0)",
        "checkpoint rotation is at position 7, which the log has lost (it has drawn 0)",
    ]


async def test_setting_right_forgets_the_checkpoints_above_the_log_and_no_other(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1", 3)])
    for name, position in (("relay", 3), ("compared", 5), ("rotation", 7)):
        await pool.execute(PUT, name, position)

    async with pool.acquire() as connection:
        forgotten, summary = [line async for line in set_right(connection, "compared")]
        assert forgotten == (
            "compared was at 5, which the log has lost (it has drawn 3): deleted, so that its"
            " follower starts from the beginning"
        )
        assert summary == "1 checkpoint set right."
        assert [tuple(row) for row in await pool.fetch(CHECKPOINTS)] == [
            ("relay", 3),
            ("rotation", 7),
        ]

        assert [line async for line in set_right(connection, to=2)] == [
            "rotation was at 7, which the log has lost (it has drawn 3): set to 2",
            "1 checkpoint set right.",
        ]
        assert [tuple(row) for row in await pool.fetch(CHECKPOINTS)] == [
            ("relay", 3),
            ("rotation", 2),
        ]
        assert [line async for line in set_right(connection)] == ["0 checkpoints set right."]


async def test_a_checkpoint_is_not_set_to_another_position_above_the_log(pool: Pool) -> None:
    await pool.execute(PUT, "relay", 5)

    async with pool.acquire() as connection:
        with pytest.raises(NotInTheLog, match="--to is a position from 0 to 0, not 4"):
            _ = [line async for line in set_right(connection, to=4)]
    assert [tuple(row) for row in await pool.fetch(CHECKPOINTS)] == [("relay", 5)]


async def test_a_sequence_without_a_value_is_an_error(
    store: PostgresEventStore, pool: Pool
) -> None:
    await pool.execute("ALTER SEQUENCE eventstore.event_position RESTART WITH 5")

    with pytest.raises(UnsafeSequence, match="it was restarted"):
        await store.check_position(0)
