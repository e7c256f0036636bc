"""Readers and appends go on while a rebuilt copy takes the place of the live tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from domain.inventory.commands import ReceiveStock
from kit.eventually import eventually
from kit.pool import Connection, Pool, create_pool
from projections.projection import Projection
from projections.rebuild import filling, swapping
from projections.rebuild.errors import NotSwapped
from projections.rebuild.procedure import rebuild, roll_back
from projections.registry import projection_named
from settings import DatabaseRole
from stack.servers import Servers
from tests.conftest import beside
from tests.integration.projections.log import Log
from tests.integration.projections.rebuilds import (
    appending,
    assert_agrees,
    rebuilt,
    request,
    unseen,
)

INVENTORY = projection_named("inventory")
COUNT = "SELECT count(*) FROM readmodel.inventory_view WHERE sku LIKE 'cup-%'"
OID = "SELECT 'readmodel.inventory_view'::regclass::oid"
SKUS = 40
MAX_LOCKED_SECONDS = 0.1


@pytest.fixture
def reader_url(servers: Servers, database_url: str) -> str:
    return beside(servers, DatabaseRole.API, database_url)


@asynccontextmanager
async def repeating(
    read: Callable[[], Coroutine[None, None, object]],
) -> AsyncIterator[list[object]]:
    """Read again and again until the block ends, and yield the answers. Raise its error."""
    answers: list[object] = []

    async def repeat() -> None:
        while True:
            answers.append(await read())

    task = asyncio.create_task(repeat())
    try:
        yield answers
    finally:
        seen = len(answers)
        await eventually(lambda: task.done() or len(answers) > seen)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(result, asyncio.CancelledError), result


@pytest.fixture
async def stocked(log: Log) -> Log:
    for number in range(SKUS):
        await log.append(ReceiveStock(aggregate_id=f"cup-{number}", quantity=1))
    return log


async def test_readers_see_no_error_and_no_missing_row_during_swaps(
    stocked: Log, projecting: Pool, reader_url: str
) -> None:
    """One reader has a prepared statement, one asyncpg's cache, and one SQLAlchemy's."""
    engine = create_async_engine(reader_url)
    async with await create_pool(reader_url, size=2) as pool, pool.acquire() as kept:
        prepared = await kept.prepare(COUNT)

        async def by_engine() -> object:
            async with engine.connect() as connection:
                return await connection.scalar(text(COUNT))

        async with (
            appending(stocked),
            repeating(prepared.fetchval) as first,
            repeating(lambda: pool.fetchval(COUNT)) as second,
            repeating(by_engine) as third,
        ):
            for _ in range(2):
                await rebuilt(projecting, INVENTORY)
                await roll_back(projecting, INVENTORY)
    await engine.dispose()
    assert set(first) == set(second) == set(third) == {SKUS}
    await assert_agrees(projecting)


async def test_the_swap_holds_its_lock_for_less_than_a_tenth_of_a_second(
    stocked: Log, projecting: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measure the work under the lock, for which the swap waits a limited time."""
    swap, held = swapping._swap, []
    loop = asyncio.get_running_loop()

    async def measured(connection: Connection, *arguments: object) -> None:
        started = loop.time()
        await swap(connection, *arguments)  # type: ignore[arg-type]
        held.append(loop.time() - started)

    monkeypatch.setattr(swapping, "_swap", measured)
    async with appending(stocked) as taken:
        for _ in range(3):
            await rebuilt(projecting, INVENTORY)
    assert len(taken) > 10
    assert sorted(held)[1] < MAX_LOCKED_SECONDS, held


async def test_a_long_reader_makes_the_swap_retry_and_blocks_nobody_for_long(
    stocked: Log, projecting: Pool, reader_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "TRIES", 3)
    monkeypatch.setattr(swapping, "PAUSE_SECONDS", 0.01)
    before = await stocked.owner.fetchval(OID)
    async with await create_pool(reader_url, size=2) as pool, pool.acquire() as reader:
        async with reader.transaction(), appending(stocked) as taken:
            await reader.fetchval(COUNT)
            with pytest.raises(NotSwapped, match=r"at each of 3 tries"):
                await rebuilt(projecting, INVENTORY)
            assert await stocked.owner.fetchval(OID) == before
        assert sorted(taken)[-2] < 1  # each try may wait for 50 ms
    state = "SELECT state FROM eventstore.projection_rebuild"
    assert await stocked.owner.fetchval(state) == "failed"

    await rebuilt(projecting, INVENTORY)
    assert await stocked.owner.fetchval(OID) != before
    await assert_agrees(projecting)


@pytest.mark.usefixtures("stocked")
async def test_a_reader_that_ends_between_two_tries_lets_the_swap_succeed(
    projecting: Pool, reader_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "PAUSE_SECONDS", 0.01)
    lock, tries = swapping._lock, 0
    async with await create_pool(reader_url, size=2) as pool, pool.acquire() as reader:
        transaction = reader.transaction()
        await transaction.start()
        await reader.fetchval(COUNT)

        async def counted(connection: Connection, projection: Projection) -> None:
            nonlocal tries
            tries += 1
            if tries == 3:
                await transaction.rollback()
            await lock(connection, projection)

        monkeypatch.setattr(swapping, "_lock", counted)
        await rebuilt(projecting, INVENTORY)
    assert tries == 3
    await assert_agrees(projecting)


@pytest.mark.usefixtures("stocked")
async def test_a_throttled_rebuild_keeps_to_its_rate(
    projecting: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "EVENTS_AT_ONCE", 10)
    loop = asyncio.get_running_loop()
    await request(projecting, INVENTORY, 50)
    started = loop.time()
    await rebuild(projecting, INVENTORY, unseen)
    assert loop.time() - started >= SKUS / 50
    await assert_agrees(projecting)
