"""The pool hands out its connections in a fixed order."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from kit import connection as limits
from kit import pool as pool_module
from kit.eventually import eventually
from kit.pool import Connection, Pool, create_pool
from tests.integration.connections.conftest import ours, terminate_own_sessions

PID = "SELECT pg_backend_pid()"
ASLEEP = """
    SELECT count(*) FROM pg_stat_activity
    WHERE query LIKE '%pg_sleep(60)' AND state = 'active' AND datname = current_database()
"""
OPEN = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'waybill' AND datname = current_database()
"""
IN_TRANSACTION = """
    SELECT count(*) FROM pg_stat_activity
    WHERE state = 'idle in transaction' AND datname = current_database()
"""


async def until(operator: asyncpg.Connection, query: str, count: int) -> None:
    async def is_so() -> bool:
        return bool(await operator.fetchval(query) == count)

    await eventually(is_so, 10)


async def test_the_last_returned_connection_is_used_again_first(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    async with pool.acquire() as first, pool.acquire() as second:
        pids = [await first.fetchval(PID), await second.fetchval(PID)]

    # `second` was returned first, `first` last.
    assert [await pool.fetchval(PID) for _ in range(3)] == [pids[0]] * 3
    assert pids[0] != pids[1]
    assert await ours(operator) == 2


async def test_the_pool_opens_at_most_its_size_and_shares_no_connection(
    database_url: str, operator: asyncpg.Connection
) -> None:
    in_use: set[Connection] = set()
    most = 0

    async def use(pool: Pool) -> None:
        nonlocal most
        async with pool.acquire() as connection:
            assert connection not in in_use
            in_use.add(connection)
            most = max(most, len(in_use))
            assert await connection.fetchval("SELECT 1") == 1
            in_use.remove(connection)

    async with await create_pool(database_url, size=3) as pool:
        await asyncio.gather(*(use(pool) for _ in range(200)))
        assert await ours(operator) == 3

    assert most == 3


async def test_waiting_borrowers_are_served_in_order(database_url: str) -> None:
    served: list[int] = []

    async def use(pool: Pool, number: int) -> None:
        async with pool.acquire() as connection:
            served.append(number)
            await connection.fetchval("SELECT 1")

    async with await create_pool(database_url, size=2) as pool:
        async with pool.acquire(), pool.acquire():
            waiting = [asyncio.create_task(use(pool, number)) for number in range(20)]
            await asyncio.sleep(0)
        # Later borrowers wait for a free connection behind those that already wait.
        late = [asyncio.create_task(use(pool, number)) for number in (20, 21)]
        await asyncio.gather(*waiting, *late)

    assert served == list(range(22))


async def test_a_borrower_that_stops_waiting_takes_no_connection(database_url: str) -> None:
    async with await create_pool(database_url, size=1) as pool:
        async with pool.acquire():
            given_up = asyncio.create_task(pool.fetchval("SELECT 1"))
            waiting = asyncio.create_task(pool.fetchval("SELECT 2"))
            await asyncio.sleep(0)
            given_up.cancel()
        assert await waiting == 2
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_a_connection_given_to_a_cancelled_borrower_is_passed_on(
    database_url: str,
) -> None:
    async with await create_pool(database_url, size=1) as pool:
        async with pool.acquire():
            cancelled = asyncio.create_task(pool.fetchval("SELECT 1"))
            waiting = asyncio.create_task(pool.fetchval("SELECT 2"))
            await asyncio.sleep(0)
        cancelled.cancel()  # the pool has given it a connection, and it has not run yet

        assert await waiting == 2
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert await pool.fetchval("SELECT 3") == 3


async def test_a_connection_cancelled_in_a_statement_is_not_used_again(
    database_url: str, operator: asyncpg.Connection
) -> None:
    async with await create_pool(database_url, size=1) as pool:
        pid = await pool.fetchval(PID)
        hung = asyncio.create_task(pool.fetchval("SELECT pg_sleep(60)"))
        await until(operator, ASLEEP, 1)
        hung.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hung

        assert await pool.fetchval(PID) != pid
        assert await ours(operator) == 1
        assert await operator.fetchval(ASLEEP) == 0


async def test_a_connection_whose_cancellation_was_swallowed_is_not_used_again(
    database_url: str, operator: asyncpg.Connection
) -> None:
    async with await create_pool(database_url, size=1) as pool:
        async with pool.acquire() as connection:
            pid = await connection.fetchval(PID)
            with pytest.raises(TimeoutError):
                await connection.fetchval("SELECT pg_sleep(60)", timeout=0.05)

        assert await pool.fetchval(PID) != pid
        assert await ours(operator) == 1


async def test_a_transaction_left_open_is_rolled_back_with_its_connection(
    owner_url: str, operator: asyncpg.Connection
) -> None:
    async with await create_pool(owner_url, size=1) as pool:
        await pool.execute("CREATE TABLE note ()")
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            await connection.execute("INSERT INTO note DEFAULT VALUES")
        assert await pool.fetchval("SELECT count(*) FROM note") == 0
        assert await operator.fetchval(IN_TRANSACTION) == 0


async def test_a_cancellation_in_a_transaction_rolls_it_back(
    owner_url: str, operator: asyncpg.Connection
) -> None:
    async def insert(pool: Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("INSERT INTO note DEFAULT VALUES")
            await connection.fetchval("SELECT pg_sleep(60)")

    async with await create_pool(owner_url, size=1) as pool:
        await pool.execute("CREATE TABLE note ()")
        task = asyncio.create_task(insert(pool))
        await until(operator, ASLEEP, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await pool.fetchval("SELECT count(*) FROM note") == 0


async def test_an_error_of_a_statement_keeps_the_connection(pool: Pool) -> None:
    pid = await pool.fetchval(PID)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await pool.fetchval("SELECT 1 / 0")
    assert await pool.fetchval(PID) == pid


async def test_a_connection_that_dies_while_borrowed_gives_its_place_back(
    database_url: str, operator: asyncpg.Connection
) -> None:
    async with await create_pool(database_url, size=1) as pool:
        async with pool.acquire() as connection:
            await terminate_own_sessions(operator)
            with pytest.raises(pool_module.CONNECTION_LOST):
                await connection.fetchval("SELECT 1")

        assert await pool.fetchval("SELECT 2") == 2


async def test_a_connection_that_cannot_be_opened_gives_its_place_back() -> None:
    async with await create_pool("postgresql://u:p@127.0.0.1:1/d", size=1) as pool:
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await pool.fetchval("SELECT 1")


async def test_a_read_only_server_is_passed_over_for_a_writable_one(pool: Pool) -> None:
    async with pool.acquire() as first, pool.acquire() as second:
        pids = {await first.fetchval(PID), await second.fetchval(PID)}

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            await connection.execute("CREATE TABLE note ()")

    assert await pool.fetchval(PID) not in pids


async def test_a_changed_statement_renews_all_connections(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    await operator.execute("CREATE TABLE note (a int)")
    await operator.execute("GRANT SELECT ON note TO PUBLIC")
    read = "SELECT * FROM note"
    async with pool.acquire() as first, pool.acquire() as second:
        await first.fetch(read)
        await second.fetch(read)
    await operator.execute("ALTER TABLE note ADD b int")

    async def transact() -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.fetch(read)

    with pytest.raises(asyncpg.InvalidCachedStatementError):
        await transact()
    await asyncio.gather(transact(), transact())


async def test_a_connection_that_nothing_needs_is_closed(
    pool: Pool, operator: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool.acquire(), pool.acquire():
        pass
    assert await ours(operator) == 2

    monkeypatch.setattr(pool_module, "MAX_IDLE_SECONDS", 0)
    assert await pool.fetchval("SELECT 1") == 1

    await until(operator, OPEN, 1)


async def test_closing_waits_for_a_borrower_and_refuses_others(
    database_url: str, operator: asyncpg.Connection
) -> None:
    pool = await create_pool(database_url, size=2)
    async with pool.acquire() as connection, pool.acquire():
        waiting = asyncio.create_task(pool.fetchval("SELECT 1"))
        await asyncio.sleep(0)
        closing = asyncio.create_task(pool.close())
        with pytest.raises(asyncpg.InterfaceError, match="pool is closed"):
            await waiting
        with pytest.raises(asyncpg.InterfaceError, match="pool is closed"):
            await pool.fetchval("SELECT 1")
        assert await connection.fetchval("SELECT 3") == 3
        assert not closing.done()
    await closing

    assert await ours(operator) == 0
    await pool.close()


async def test_closing_cuts_a_borrower_that_does_not_come_back(
    database_url: str, operator: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "CLOSE_TIMEOUT_SECONDS", 0.05)
    pool = await create_pool(database_url)
    hung = asyncio.create_task(pool.fetchval("SELECT pg_sleep(60)"))
    await until(operator, ASLEEP, 1)

    async with asyncio.timeout(3):
        await pool.close()
        with pytest.raises(pool_module.CONNECTION_LOST):
            await hung


async def test_closing_while_a_connection_is_opened_leaves_no_connection(
    database_url: str, operator: asyncpg.Connection
) -> None:
    pool = await create_pool(database_url)
    opening = asyncio.create_task(pool.fetchval("SELECT 1"))
    await asyncio.sleep(0)

    await pool.close()

    with pytest.raises(asyncpg.InterfaceError, match="pool is closed"):
        await opening
    await until(operator, OPEN, 0)


async def test_cancelled_borrowers_never_lose_a_place(database_url: str) -> None:
    """Cancel at every point of a use: while waiting, connecting, querying and reading."""

    async with await create_pool(database_url, size=2) as pool:
        for turns in range(60):
            tasks = [asyncio.create_task(pool.fetchval("SELECT 1")) for _ in range(4)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert answers[1::2] == [1, 1]
        async with asyncio.timeout(limits.CONNECT_TIMEOUT_SECONDS), pool.acquire(), pool.acquire():
            pass
