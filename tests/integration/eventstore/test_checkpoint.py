"""A checkpoint is advanced only by the follower that knows its position."""

from __future__ import annotations

import asyncio

import pytest

from eventstore.checkpoint import Checkpoint, CheckpointMoved
from eventstore.errors import EventStoreError
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection, Pool
from tests.integration.eventstore.conftest import to, waits_for_a_lock

POSITION = "SELECT position FROM eventstore.checkpoint WHERE name = 'follower'"


@pytest.fixture
async def ten_events(store: PostgresEventStore) -> None:
    await store.append([to("order-1", 10)])


@pytest.mark.usefixtures("ten_events")
async def test_a_follower_advances_its_checkpoint_step_by_step(pool: Pool) -> None:
    async with pool.acquire() as connection:
        checkpoint = await Checkpoint.read(connection, "follower")
        for position in (4, 9):
            await checkpoint.advance(position)
            assert checkpoint.position == await pool.fetchval(POSITION) == position


@pytest.mark.usefixtures("ten_events")
async def test_a_checkpoint_that_another_moved_is_not_advanced(pool: Pool) -> None:
    async with pool.acquire() as one, pool.acquire() as other:
        stale = await Checkpoint.read(one, "follower")
        current = await Checkpoint.read(other, "follower")
        await current.advance(3)

        with pytest.raises(CheckpointMoved) as moved:
            await stale.advance(7)
        assert isinstance(moved.value, EventStoreError)
        assert str(moved.value) == (
            "checkpoint follower is no longer at position 0: another process has moved it;"
            " read the checkpoint again"
        )
        assert (stale.position, await pool.fetchval(POSITION)) == (0, 3)
        await current.advance(5)
    assert await pool.fetchval(POSITION) == 5


@pytest.mark.usefixtures("ten_events")
async def test_a_checkpoint_that_was_deleted_is_not_advanced(pool: Pool) -> None:
    async with pool.acquire() as connection:
        checkpoint = await Checkpoint.read(connection, "follower")
        await pool.execute("DELETE FROM eventstore.checkpoint")

        with pytest.raises(CheckpointMoved):
            await checkpoint.advance(7)
    assert await pool.fetchval(POSITION) is None


@pytest.mark.usefixtures("ten_events")
async def test_the_transaction_of_a_follower_that_is_too_late_writes_nothing(pool: Pool) -> None:
    """Both read the same position, and each records what it did in the transaction."""

    async def work(checkpoint: Checkpoint, connection: Connection) -> None:
        async with connection.transaction():
            await Checkpoint.read(connection, "effect-of-the-late-one")
            await checkpoint.advance(7)

    async with pool.acquire() as one, pool.acquire() as other:
        late, first = Checkpoint(one, "follower", 0), await Checkpoint.read(other, "follower")
        async with other.transaction():
            await first.advance(3)
            waiting = asyncio.create_task(work(late, one))
            await waits_for_a_lock(other, one)
        with pytest.raises(CheckpointMoved):
            await waiting
    rows = await pool.fetch("SELECT name, position FROM eventstore.checkpoint")
    assert [tuple(row) for row in rows] == [("follower", 3)]


@pytest.mark.usefixtures("ten_events")
async def test_a_checkpoint_of_a_transaction_that_is_rolled_back_stays(pool: Pool) -> None:
    async with pool.acquire() as connection:
        checkpoint = await Checkpoint.read(connection, "follower")
        transaction = connection.transaction()
        await transaction.start()
        await checkpoint.advance(7)
        await transaction.rollback()
        assert await pool.fetchval(POSITION) == 0

        again = await Checkpoint.read(connection, "follower")
        await again.advance(7)
    assert await pool.fetchval(POSITION) == 7
