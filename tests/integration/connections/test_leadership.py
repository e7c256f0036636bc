"""One process leads under a name, and gives the lead up when it may have lost the lock."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from kit import leadership
from kit.connection import PING_TIMEOUT_SECONDS, Connection
from kit.eventually import eventually
from kit.leadership import LeadLost, leading
from kit.pool import Pool, create_pool
from kit.restart import is_database_away
from tests.integration.connections.conftest import ours

END_THE_LOCKS_SESSION = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 7004
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
IS_FREE = "SELECT pg_try_advisory_lock(7004, hashtext($1)) AND pg_advisory_unlock_all() IS NOT NULL"
TRIES_IN_VAIN = """
    SELECT count(*) FROM pg_stat_activity
    WHERE query LIKE '%pg_try_advisory_lock%' AND datname = current_database()
      AND pid <> pg_backend_pid() AND state = 'idle'
      AND NOT EXISTS (SELECT FROM pg_locks AS held WHERE held.pid = pg_stat_activity.pid)
"""
LIMITS = """
    SELECT current_setting('idle_session_timeout'),
           current_setting('idle_in_transaction_session_timeout')
"""


async def lead_for_ever(pool: Pool, name: str, leads: asyncio.Event) -> None:
    async with leading(pool, name):
        leads.set()
        await asyncio.Event().wait()


def test_a_process_gives_the_lead_up_before_postgresql_takes_its_lock() -> None:
    heartbeat = leadership.HEARTBEAT_SECONDS + PING_TIMEOUT_SECONDS
    assert heartbeat < leadership.LEASE_TIMEOUT_SECONDS < leadership.LOCK_TIMEOUT_SECONDS == 5


async def test_a_job_is_cancelled_when_its_locks_connection_is_ended(
    pool: Pool, operator: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "HEARTBEAT_SECONDS", 0.05)
    leads, ended = asyncio.Event(), asyncio.Event()

    async def lead() -> None:
        async with leading(pool, "test"):
            leads.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    leader = asyncio.create_task(lead())
    await leads.wait()
    assert await operator.fetchval(END_THE_LOCKS_SESSION)

    with pytest.raises(LeadLost, match="the lead of 'test' is lost") as lost:
        await asyncio.wait_for(leader, 5)
    assert ended.is_set()
    assert is_database_away(lost.value)
    assert leader.cancelling() == 0
    assert await operator.fetchval(IS_FREE, "test")


async def test_a_leader_without_an_answer_gives_the_lead_up_when_its_lease_ends(
    pool: Pool, operator: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No heartbeat is sent before the lease ends, as in a process that was stopped."""
    monkeypatch.setattr(leadership, "LEASE_TIMEOUT_SECONDS", 0.1)

    with pytest.raises(LeadLost):
        await asyncio.wait_for(lead_for_ever(pool, "test", asyncio.Event()), 5)
    assert await operator.fetchval(IS_FREE, "test")


async def test_answers_to_heartbeats_renew_the_lease(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "LEASE_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(leadership, "HEARTBEAT_SECONDS", 0.1)
    async with leading(pool, "test") as connection:
        await connection.execute("SELECT pg_sleep(2)")


async def test_an_error_of_the_job_keeps_its_type(pool: Pool, operator: asyncpg.Connection) -> None:
    async def lead() -> None:
        async with leading(pool, "test"):
            raise TimeoutError("of the job")

    with pytest.raises(TimeoutError, match="of the job"):
        await lead()
    assert await operator.fetchval(IS_FREE, "test")


async def test_a_waiting_process_holds_no_connection(
    pool: Pool, database_url: str, operator: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "_SECONDS_BETWEEN_TRIES", 60)
    async with leading(pool, "test"), await create_pool(database_url, size=1) as other:
        waiting = asyncio.create_task(lead_for_ever(other, "test", asyncio.Event()))
        await eventually(lambda: operator.fetchval(TRIES_IN_VAIN), 5)
        assert await asyncio.wait_for(other.fetchval("SELECT 7"), 5) == 7
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
    assert await operator.fetchval(IS_FREE, "test")


async def test_the_lock_is_free_and_the_connections_are_unchanged_after_the_end(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    async def limits(connection: Connection) -> tuple[str, ...]:
        return tuple(await connection.fetchrow(LIMITS) or ())

    async with leading(pool, "test") as working:
        assert await limits(working) == ("0", "5s")
        sessions = await ours(operator)
    assert await operator.fetchval(IS_FREE, "test")

    async with pool.acquire() as first, pool.acquire() as second:
        assert await ours(operator) == sessions == 2
        assert await limits(first) == await limits(second) == ("0", "10s")


async def test_a_connection_that_the_job_leaves_in_a_transaction_is_closed(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    async with leading(pool, "test") as working:
        await working.execute("BEGIN")

    assert await operator.fetchval(IS_FREE, "test")
    await eventually(working.is_closed, 5)
    assert await ours(operator) == 1


async def test_a_cancelled_leader_resigns_before_it_ends(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    leads = asyncio.Event()
    leader = asyncio.create_task(lead_for_ever(pool, "test", leads))
    await leads.wait()
    assert not await operator.fetchval(IS_FREE, "test")

    leader.cancel()
    with suppress(asyncio.CancelledError):
        await leader
    assert await operator.fetchval(IS_FREE, "test")


async def test_one_process_leads_under_two_names_at_once(pool: Pool) -> None:
    async with asyncio.timeout(5), leading(pool, "one"), leading(pool, "two") as connection:
        assert await connection.fetchval("SELECT 7") == 7
