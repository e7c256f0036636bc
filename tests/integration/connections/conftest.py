from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text

from kit.engine import create_engine
from kit.pool import create_pool
from stack.postgres import connected

OURS = "application_name = 'waybill' AND datname = current_database()"


@pytest.fixture
async def operator(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of another program to the database of this test."""
    async with connected(owner_url) as connection:
        yield connection


async def terminate_own_sessions(operator: asyncpg.Connection) -> int:
    """End all sessions of the pool and the engine, as a restart does; return their number."""
    ended = await operator.fetch(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS}"  # noqa: S608
    )
    assert all(row[0] for row in ended)
    return len(ended)


async def ours(operator: asyncpg.Connection) -> int:
    """Return the number of sessions that the pool and the engine have."""
    count: int = await operator.fetchval(
        f"SELECT count(*) FROM pg_stat_activity WHERE {OURS}"  # noqa: S608
    )
    return count


async def ask(url: str, question: str) -> list[object]:
    """Return the answers over the pool and over the engine."""
    async with await create_pool(url) as pool:
        by_pool = await pool.fetchval(question)
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            return [by_pool, await connection.scalar(text(question))]
    finally:
        await engine.dispose()


async def refusals(url: str) -> list[BaseException]:
    """Return the errors of the pool and the engine."""
    async with await create_pool(url) as pool:
        with pytest.raises(Exception) as by_pool:  # noqa: PT011 - the tests say which
            await pool.fetchval("SELECT 1")
    engine = create_engine(url)
    with pytest.raises(Exception) as by_engine:  # noqa: PT011
        await engine.connect()
    await engine.dispose()
    return [by_pool.value, by_engine.value]
