"""Report the age of a held safe head, for each role that asks and each kind of holder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from kit.engine import create_engine
from kit.eventually import eventually
from kit.pool import Pool, create_pool
from queries.log import LogQueries
from stack import postgres
from stack.databases import migrate
from stack.environment import system_environment
from stack.ports import Ports
from stack.postgres import connected
from stack.supervisor import supervised

APPEND = """
    SELECT position FROM eventstore.append_event(
        'order-held', -1, gen_random_uuid(), 'OrderReserved', 1::smallint,
        '{"order_id": "held"}', '{"correlation_id": "test"}')
"""
COLLIDING = "SELECT pg_advisory_lock(eventstore.announcement(0))"


@pytest.fixture
async def pool(owner_url: str) -> AsyncIterator[Pool]:
    """A pool with the owner's role, because these tests do what no process may do."""
    async with await create_pool(owner_url) as pool:
        yield pool


async def asked(url: str) -> AsyncIterator[LogQueries]:
    engine = create_engine(url)
    yield LogQueries(engine)
    await engine.dispose()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[LogQueries]:
    async for queries in asked(database_url):
        yield queries


@pytest.fixture
async def stranger(database_url: str, pool: Pool) -> AsyncIterator[LogQueries]:
    """Query as a role that may read the log and not what others do."""
    role = f"stranger_{uuid4().hex}"
    await pool.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'stranger'")
    await pool.execute(f"GRANT USAGE ON SCHEMA eventstore TO {role}")
    await pool.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA eventstore TO {role}")
    await pool.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA eventstore TO {role}")
    address = database_url.rpartition("@")[2]
    async for queries in asked(f"postgresql+asyncpg://{role}:stranger@{address}"):
        yield queries
    await pool.execute(f"DROP OWNED BY {role}")
    await pool.execute(f"DROP ROLE {role}")


async def grows(log: LogQueries) -> tuple[float, float]:
    """Return the age now, and the age when it is greater."""
    first = await log.safe_head_age()
    async with asyncio.timeout(5):
        while (later := await log.safe_head_age()) <= first:
            pass
    return first, later


async def test_a_role_without_privileges_counts_an_appends_age_from_its_first_read(
    stranger: LogQueries, pool: Pool
) -> None:
    assert await stranger.safe_head_age() == 0

    async with pool.acquire() as slow, slow.transaction():
        await slow.execute(APPEND)
        first, later = await grows(stranger)
        assert 0 < first < later < 5

    assert await stranger.safe_head_age() == 0


async def test_a_role_without_privileges_counts_the_age_of_each_append_separately(
    stranger: LogQueries, pool: Pool
) -> None:
    async with pool.acquire() as slow:
        async with slow.transaction():
            await slow.execute(APPEND)
            _, long = await grows(stranger)
        async with slow.transaction():
            await slow.execute(APPEND)
            before = asyncio.get_running_loop().time()
            again = await stranger.safe_head_age()
            assert 0 < again <= asyncio.get_running_loop().time() - before + long


async def test_a_role_that_may_read_all_statistics_sees_the_age_at_once(
    stranger: LogQueries, pool: Pool
) -> None:
    role = await pool.fetchval("SELECT rolname FROM pg_roles WHERE rolname LIKE 'stranger%'")
    await pool.execute(f"GRANT pg_read_all_stats TO {role}")
    async with pool.acquire() as slow, slow.transaction():
        await slow.execute(APPEND)
        await slow.execute("SELECT pg_sleep(0.2)")

        assert 0.2 < await stranger.safe_head_age() < 5


@pytest.mark.parametrize("is_owner", [True, False])
async def test_a_session_lock_of_another_program_that_collides_is_not_silent(
    is_owner: bool, owner: LogQueries, stranger: LogQueries, database_url: str
) -> None:
    log = owner if is_owner else stranger
    async with connected(database_url) as other:
        await other.execute(COLLIDING)
        first, later = await grows(log)
        assert 0 < first < later < 5

        async with other.transaction():  # a young lock holder does not reveal the lock's age
            assert await log.safe_head_age() >= later

    async def is_at_the_end() -> bool:
        return await log.safe_head_age() == 0

    await eventually(is_at_the_end, 5)


async def test_an_unreadable_age_is_null_and_not_zero_in_psql(
    database_url: str, pool: Pool
) -> None:
    assert await pool.fetchval("SELECT eventstore.safe_head_age()") == 0
    async with connected(database_url) as other:
        await other.execute(COLLIDING)

        assert await pool.fetchval("SELECT eventstore.safe_head_age()") is None


@pytest.fixture
async def preparing(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """A migrated database of a server that allows prepared transactions."""
    allowed = {**postgres.SERVER_SETTINGS, "max_prepared_transactions": "2"}
    monkeypatch.setattr(postgres, "SERVER_SETTINGS", allowed)
    data_dir, ports = tmp_path_factory.mktemp("preparing"), Ports.free()
    environment = system_environment(data_dir, ports)
    url = environment["WAYBILL_MIGRATION_DATABASE_URL"]
    async with supervised(data_dir) as supervisor:
        await postgres.start(supervisor, data_dir, url)
        await migrate(supervisor, environment)
        yield url
    shutil.rmtree(data_dir)


async def test_a_prepared_transaction_shows_its_age_although_no_backend_runs_it(
    preparing: str,
) -> None:
    async with connected(preparing) as connection:
        await connection.execute("BEGIN")
        await connection.execute(APPEND)
        await connection.execute("PREPARE TRANSACTION 'held'")
        await connection.execute("SELECT pg_sleep(0.2)")

        async for log in asked(preparing):
            assert 0.2 < await log.safe_head_age() < 10
            await connection.execute("ROLLBACK PREPARED 'held'")
            assert await log.safe_head_age() == 0
