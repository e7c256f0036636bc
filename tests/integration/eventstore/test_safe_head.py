from __future__ import annotations

import asyncio

import asyncpg
import pytest

from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Connection, Pool, create_pool
from stack.postgres import connected
from tests.integration.eventstore.conftest import to, waits_for_a_lock

AGE = "SELECT eventstore.safe_head_age()"
APPEND = """
    SELECT position FROM eventstore.append_event(
        'order-held', -1, gen_random_uuid(), 'OrderReserved', 1::smallint,
        '{"order_id": "held"}', '{"correlation_id": "test"}')
"""
WAIT_BEFORE_THE_SEQUENCE = """
    CREATE OR REPLACE FUNCTION eventstore.drawn_position() RETURNS bigint
    LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(1)
        WHERE current_setting('application_name') = 'reader';
        RETURN pg_sequence_last_value('eventstore.event_position');
    END $$
"""


async def hold(connection: Connection) -> int:
    """Append in a transaction that stays open; yield the position, which is not visible yet."""
    await connection.execute("BEGIN")
    position: int = await connection.fetchval(APPEND)
    return position


async def test_nothing_above_an_uncommitted_append_is_read(
    store: PostgresEventStore, pool: Pool
) -> None:
    await store.append([to("order-1")])
    async with pool.acquire() as slow:
        held = await hold(slow)
        later = await store.append([to("order-1")])

        assert [e.position for e in await store.load_all_events()] == [held - 1]
        await slow.execute("COMMIT")

    assert [e.position for e in await store.load_all_events()] == [1, held, later.last_position]


async def test_an_append_that_begins_while_the_head_is_read_is_not_passed(
    pool: Pool, database_url: str, owner: asyncpg.Connection
) -> None:
    """The reader stops just before it reads the sequence, and the append draws a position."""
    await owner.execute(WAIT_BEFORE_THE_SEQUENCE)
    async with connected(database_url) as reader, pool.acquire() as slow:
        await reader.execute("SET application_name = 'reader'")
        await owner.execute("SELECT pg_advisory_lock(1)")
        head = asyncio.create_task(reader.fetchval("SELECT eventstore.safe_head()"))
        await waits_for_a_lock(owner, reader)
        held = await hold(slow)
        await owner.execute("SELECT pg_advisory_unlock(1)")

        assert await head == held - 1


async def test_a_rolled_back_position_delays_no_reader(
    store: PostgresEventStore, pool: Pool
) -> None:
    async with pool.acquire() as failing:
        dead = await hold(failing)
        later = await store.append([to("order-1")])
        await failing.execute("ROLLBACK")

    assert dead < later.last_position
    assert [e.position for e in await store.load_all_events()] == [later.last_position]


async def test_a_long_transaction_that_appends_nothing_does_not_hold_the_head_back(
    store: PostgresEventStore, pool: Pool
) -> None:
    async with pool.acquire() as other, other.transaction(isolation="repeatable_read"):
        await other.execute("CREATE TEMP TABLE unrelated (n int)")
        await other.execute("SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock(2, 3)")
        result = await store.append([to("order-1")])

        assert await store.safe_head() == result.last_position
        assert await pool.fetchval(AGE) == 0


async def test_the_head_is_never_a_position_that_was_only_drawn(
    store: PostgresEventStore, pool: Pool
) -> None:
    result = await store.append([to("order-1")])
    async with pool.acquire() as failing:
        await hold(failing)
        await failing.execute("ROLLBACK")

    assert await store.safe_head() == result.last_position


async def test_a_hung_append_shows_in_the_heads_age_and_is_ended_by_its_timeout(
    store: PostgresEventStore, database_url: str, pool: Pool
) -> None:
    async with (
        await create_pool(database_url, transaction_seconds=1) as hung_pool,
        hung_pool.acquire() as hung,
    ):
        await hold(hung)
        after = await store.append([to("order-1")])
        assert await store.load_all_events() == []
        assert 0 < await pool.fetchval(AGE) < 1.5
        await eventually(store.load_all_events, 5)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await hung.execute("COMMIT")

    assert [e.position for e in await store.load_all_events()] == [after.last_position]
    assert await pool.fetchval(AGE) == 0
