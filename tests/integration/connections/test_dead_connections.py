"""A connection dies, with notice or without, while it is idle, in use or listening."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore import tail
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit import connection as limits
from kit import pool as pool_module
from kit.connection import CLIENT_KEEPALIVES, CONNECTION_LOST, Connection
from kit.engine import CHECKOUT_TIMEOUT_SECONDS, create_engine
from kit.leadership import LeadLost, leading
from kit.pool import Pool, create_pool
from tests.integration.connections.conftest import terminate_own_sessions
from tests.integration.connections.proxy import proxied
from tests.integration.eventstore.conftest import some_events
from tests.integration.queries.statements import counted


class ReadModel:
    """An inline read model, so that an append is a transaction of several statements."""

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        await connection.fetchval("SELECT $1::bigint", events[0].position)


async def take(pool: Pool, count: int) -> None:
    """Leave `count` idle connections in the pool."""
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(pool.fetchval("SELECT pg_sleep(0.05)"))


async def take_engines(engine: AsyncEngine, count: int) -> None:
    async def use() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(0.05)"))

    await asyncio.gather(*(use() for _ in range(count)))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return the same limits, made short: a statement has 1.3 s."""
    monkeypatch.setattr(limits, "STATEMENT_MARGIN_SECONDS", 0.3)
    monkeypatch.setattr(limits, "CANCEL_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(limits, "PING_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(limits, "CONNECT_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(tail, "CANCEL_TIMEOUT_SECONDS", 0.2)


def test_a_statement_hangs_for_30_seconds_at_most() -> None:
    statement = limits.TRANSACTION_TIMEOUT_SECONDS + limits.STATEMENT_MARGIN_SECONDS
    connecting = limits.PING_TIMEOUT_SECONDS + limits.CONNECT_TIMEOUT_SECONDS

    assert statement + limits.CANCEL_TIMEOUT_SECONDS == 22
    assert connecting + statement + limits.CANCEL_TIMEOUT_SECONDS == 29
    assert CHECKOUT_TIMEOUT_SECONDS + statement + limits.CANCEL_TIMEOUT_SECONDS == 27


async def test_the_kernel_watches_each_connection_of_the_client(
    pool: Pool, database_url: str
) -> None:
    expected = {
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 10,
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 5,
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 2,
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT): 20_000,
    }
    assert {(level, name): value for level, name, value in CLIENT_KEEPALIVES} == expected

    def options(connection: Connection) -> dict[tuple[int, int], int]:
        sock = connection._transport.get_extra_info("socket")
        return {key: sock.getsockopt(*key) for key in expected}

    async with pool.acquire() as connection:
        assert options(connection) == expected
    engine = create_engine(database_url)
    async with engine.connect() as query:
        raw = await query.get_raw_connection()
        assert isinstance(raw.driver_connection, Connection)
        assert options(raw.driver_connection) == expected
    await engine.dispose()


@pytest.mark.parametrize("count", [1, 5])
async def test_connections_ended_while_idle_cost_the_pool_no_query(
    pool: Pool, operator: asyncpg.Connection, count: int
) -> None:
    await take(pool, count)
    assert await terminate_own_sessions(operator) == count

    answers = await asyncio.gather(*(pool.fetchval("SELECT 7") for _ in range(count)))

    assert answers == [7] * count


async def test_connections_ended_while_idle_cost_no_append(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    for store in (PostgresEventStore(pool), PostgresEventStore(pool, [ReadModel()])):
        await take(pool, 3)
        assert await terminate_own_sessions(operator) == 3
        for _ in range(3):
            result = await store.save_events("probe-1", some_events(), ANY)
            assert not result.duplicate
    assert await operator.fetchval("SELECT count(*) FROM eventstore.event") == 6


async def test_connections_ended_while_idle_cost_the_engine_no_query(
    database_url: str, operator: asyncpg.Connection
) -> None:
    engine = create_engine(database_url)
    await take_engines(engine, 5)
    assert await terminate_own_sessions(operator) == 5

    for _ in range(5):
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT 7")) == 7
    await engine.dispose()


async def test_sessions_that_are_being_ended_cost_no_query(
    pool: Pool, operator: asyncpg.Connection
) -> None:
    """pg_terminate_backend returns before the session has ended."""
    for _ in range(10):
        await take(pool, 3)
        async with asyncio.timeout(5):
            await asyncio.sleep(2 * limits.PING_AFTER_SECONDS)
        await operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'waybill' AND datname = current_database()"
        )
        assert [await pool.fetchval("SELECT 7") for _ in range(3)] == [7] * 3


@pytest.mark.usefixtures("short")
async def test_connections_that_a_firewall_forgot_cost_the_pool_no_query(
    database_url: str,
) -> None:
    async with proxied(database_url) as (proxy, url), await create_pool(url) as pool:
        await take(pool, 5)
        proxy.freeze_old_connections()
        await asyncio.sleep(2 * limits.PING_AFTER_SECONDS)

        began = perf_counter()
        assert [await pool.fetchval("SELECT 7") for _ in range(5)] == [7] * 5

    # One ping decides for all five: each has been idle for as long.
    assert limits.PING_TIMEOUT_SECONDS < perf_counter() - began < 5 * limits.PING_TIMEOUT_SECONDS
    # The five, the request to cancel the ping, and the new one.
    assert proxy.connections == 7


@pytest.mark.usefixtures("short")
async def test_connections_that_a_firewall_forgot_cost_the_engine_no_query(
    database_url: str,
) -> None:
    async with proxied(database_url) as (proxy, url):
        engine = create_engine(url)
        await take_engines(engine, 3)
        proxy.freeze_old_connections()
        await asyncio.sleep(2 * limits.PING_AFTER_SECONDS)

        for _ in range(3):
            async with engine.connect() as connection:
                assert await connection.scalar(text("SELECT 7")) == 7
        await engine.dispose()


async def test_a_connections_liveness_check_is_no_statement(
    database_url: str, operator: asyncpg.Connection
) -> None:
    await operator.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    engine = create_engine(database_url)
    await take_engines(engine, 1)
    await asyncio.sleep(2 * limits.PING_AFTER_SECONDS)
    with counted(engine) as statements:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 7 AS seven"))
    await engine.dispose()

    assert [statement for statement, _ in statements] == ["SELECT 7 AS seven"]


async def load(store: PostgresEventStore, _: Pool) -> None:
    await store.load_events("probe-1")


async def append(store: PostgresEventStore, _: Pool) -> None:
    await store.save_events("probe-1", some_events(), ANY)


async def append_inline(_: PostgresEventStore, pool: Pool) -> None:
    await append(PostgresEventStore(pool, [ReadModel()]), pool)


async def transact(_: PostgresEventStore, pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT 1")


USES = [load, append, append_inline, transact]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("use", USES)
async def test_a_statement_over_a_silent_connection_ends_in_time(
    database_url: str, use: Callable[[PostgresEventStore, Pool], Awaitable[None]]
) -> None:
    """The connection dies while it is in use, so that no ping finds it."""
    async with (
        proxied(database_url) as (proxy, url),
        await create_pool(url, size=1, transaction_seconds=1) as pool,
    ):
        store = PostgresEventStore(pool)
        await use(store, pool)
        await use(store, pool)
        proxy.freeze()

        began = perf_counter()
        with pytest.raises(CONNECTION_LOST):
            await use(store, pool)
        # The statement's 1.3 s, and 0.2 s for its cancellation, which hangs as well.
        assert 1.2 < perf_counter() - began < 4


@pytest.mark.usefixtures("short")
async def test_a_query_over_a_silent_connection_ends_in_time(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url):
        engine = create_engine(url, transaction_seconds=1)
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            proxy.freeze()

            began = perf_counter()
            with pytest.raises(TimeoutError):
                await connection.execute(text("SELECT 2"))
        assert 1.2 < perf_counter() - began < 4
        await engine.dispose()


@pytest.mark.usefixtures("short")
async def test_a_hanging_connect_ends_in_time(database_url: str) -> None:
    async with (
        proxied(database_url) as (proxy, url),
        await create_pool(url, size=1, transaction_seconds=1) as pool,
    ):
        engine = create_engine(url)
        await take(pool, 1)
        await take_engines(engine, 1)
        proxy.freeze()
        await asyncio.sleep(2 * limits.PING_AFTER_SECONDS)

        began = perf_counter()
        with pytest.raises(TimeoutError):
            await pool.fetchval("SELECT 1")
        with pytest.raises(TimeoutError):
            await engine.connect()
        await engine.dispose()

    assert perf_counter() - began < 3


@pytest.mark.usefixtures("short")
async def test_closing_over_silent_connections_ends_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "CLOSE_TIMEOUT_SECONDS", 0.5)
    async with proxied(database_url) as (proxy, url):
        pool, engine = await create_pool(url), create_engine(url)
        await take(pool, 5)
        await take_engines(engine, 5)
        async with pool.acquire() as borrowed:
            proxy.freeze()

            began = perf_counter()
            await pool.close()
            assert borrowed.is_closed()
        await engine.dispose()
    assert perf_counter() - began < 2


def test_closing_takes_two_seconds_at_most() -> None:
    assert pool_module.CLOSE_TIMEOUT_SECONDS == 2


@pytest.mark.usefixtures("short")
async def test_a_follower_notices_that_its_connection_is_silent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The follower polls over other connections, so that nothing else would notice."""
    monkeypatch.setattr(tail, "PING_EVERY_SECONDS", 0.3)
    async with (
        proxied(database_url) as (proxy, url),
        await create_pool(url, transaction_seconds=1) as pool,
    ):
        store = PostgresEventStore(pool)
        pages = store.follow()
        first = asyncio.ensure_future(anext(pages))
        await store.save_events("probe-1", some_events(), ANY)
        assert len(await first) == 1
        following = asyncio.ensure_future(anext(pages))
        proxy.freeze_old_connections()

        with pytest.raises(CONNECTION_LOST):
            async with asyncio.timeout(5):
                await following


@pytest.mark.usefixtures("short")
async def test_a_leader_notices_that_its_connection_is_silent(
    database_url: str,
) -> None:
    async with (
        proxied(database_url) as (proxy, url),
        await create_pool(url, transaction_seconds=1) as pool,
    ):

        async def lead() -> None:
            async with leading(pool, "test"):
                proxy.freeze()
                await asyncio.Event().wait()

        began = perf_counter()
        with pytest.raises(LeadLost):
            await lead()
    # The pause of a heartbeat, its 0.2 s, and the time to restore the working connection.
    assert perf_counter() - began < 5
