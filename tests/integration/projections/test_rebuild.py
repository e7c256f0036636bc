"""A projection is rebuilt from the log while appends go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.inventory.commands import ReceiveStock
from kit.pool import Pool, create_pool
from projections.projection import Inline
from projections.rebuild import record
from projections.rebuild.procedure import rebuild
from projections.registry import INLINE, projection_named
from projections.verify import verify
from settings import DatabaseRole
from stack.servers import Servers
from tests.conftest import beside
from tests.integration.projections.commands import COMMANDS
from tests.integration.projections.log import Log


def unseen(_: int, __: int) -> None: ...


@pytest.fixture
async def pool(servers: Servers, database_url: str) -> AsyncIterator[Pool]:
    url = beside(servers, DatabaseRole.PROJECTIONS, database_url)
    async with await create_pool(url, transaction_seconds=0) as pool:
        yield pool


async def append_everything(log: Log) -> None:
    """Append what each category's commands decide, one after another."""
    for commands in COMMANDS.values():
        for command in commands:
            if log.decide(command):
                await log.append(command)


async def request(pool: Pool, name: str) -> None:
    async with pool.acquire() as connection:
        assert await record.request(connection, projection_named(name), "test")


@asynccontextmanager
async def appending(log: Log) -> AsyncIterator[list[int]]:
    """Receive stock, again and again, until the block ends; yield the milliseconds of each."""
    taken: list[int] = []

    async def append() -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            await log.append(ReceiveStock(aggregate_id="busy", quantity=1))
            taken.append(round(1000 * (loop.time() - started)))

    task = asyncio.create_task(append())
    try:
        yield taken
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def assert_agrees(pool: Pool) -> None:
    report = await verify(pool, None, unseen)
    assert list(report.lines())[:-1] == []
    assert report.differing == 0


@pytest.mark.parametrize("projection", INLINE, ids=lambda p: p.name)
async def test_a_rebuilt_projection_has_the_rows_of_its_events(
    log: Log, pool: Pool, projection: Inline
) -> None:
    await append_everything(log)
    await request(pool, projection.name)
    async with appending(log) as taken:
        events = await rebuild(pool, projection, unseen)
    assert events > 0
    assert taken
    await append_everything(log)
    await assert_agrees(pool)
