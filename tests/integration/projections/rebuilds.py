"""Rebuild a projection in a test, and compare it with the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from domain.inventory.commands import ReceiveStock
from kit.pool import Pool
from projections.projection import Projection
from projections.rebuild import record
from projections.rebuild.procedure import rebuild
from projections.verify import verify
from tests.integration.projections.commands import COMMANDS
from tests.integration.projections.log import Log


def unseen(_: int, __: int) -> None: ...


async def append_everything(log: Log) -> None:
    """Append what each category's commands decide, one after another."""
    for commands in COMMANDS.values():
        for command in commands:
            if log.decide(command):
                await log.append(command)


async def request(pool: Pool, projection: Projection, rate: int | None = None) -> None:
    async with pool.acquire() as connection:
        assert await record.request(connection, projection, "test", rate)


async def rebuilt(pool: Pool, projection: Projection, *, accept: bool = False) -> int:
    """Rebuild the projection, and return the number of events read."""
    await request(pool, projection)
    return await rebuild(pool, projection, unseen, accept=accept)


@asynccontextmanager
async def appending(log: Log) -> AsyncIterator[list[float]]:
    """Receive stock, again and again, until the block ends; yield the seconds of each append."""
    taken: list[float] = []

    async def append() -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            await log.append(ReceiveStock(aggregate_id="busy", quantity=1))
            taken.append(loop.time() - started)

    task = asyncio.create_task(append())
    try:
        yield taken
    finally:
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError), results


async def assert_agrees(pool: Pool, name: str | None = None) -> None:
    """Compare the live tables with a replay of the log."""
    async with Pool(pool._connect, 2) as own:  # a connection keeps its temporary tables
        report = await verify(own, name, unseen)
    assert list(report.lines())[:-1] == []
    assert report.differing == 0


_STREAMS = """
    INSERT INTO eventstore.event
        (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
    SELECT 'inventory-bulk-' || sku, version, gen_random_uuid(), 'StockReceived', 1,
           jsonb_build_object('sku', 'bulk-' || sku, 'quantity', 1),
           '{"correlation_id": "test"}', now()
    FROM generate_series($1::int, $2::int) AS sku, generate_series(1, $3::int) AS version
    ORDER BY version, sku
"""
_ROWS = """
    INSERT INTO readmodel.inventory_view (sku, received, position)
    SELECT data->>'sku', count(*), max(position) FROM eventstore.event
    WHERE stream_id LIKE 'inventory-bulk-%' GROUP BY 1
    ON CONFLICT (sku) DO NOTHING
"""


async def stock_in_bulk(
    owner: asyncpg.Connection, streams: int, events_of_each: int, first: int = 1
) -> None:
    """Insert events and their rows quickly, as no process of the service may."""
    await owner.execute(_STREAMS, first, streams, events_of_each)
    await owner.execute(_ROWS)
