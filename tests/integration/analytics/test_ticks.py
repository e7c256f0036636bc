"""Subscribers are notified of changes, at most once a second, by one poller for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from time import monotonic

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.inventory.events import BackorderQueued, StockReceived
from kit.pool import Connection, Pool
from queries.analytics_ticks import TICK_SECONDS, AnalyticsTicks, Tick
from tests.support.analytics import fold_in, stored
from tests.support.order_parts import PLACED_AT

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def ticks(engine: AsyncEngine) -> AsyncIterator[AnalyticsTicks]:
    ticks = AnalyticsTicks(engine)
    yield ticks
    await ticks.close()


@pytest.fixture
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection:
        yield connection


async def change(connection: Connection, position: int) -> None:
    queued = BackorderQueued(sku="cup", order_id=f"order-{position}", quantity=1, since=PLACED_AT)
    await fold_in(connection, [stored(queued, position, NOW)])


async def test_the_first_tick_comes_at_once_and_the_next_within_a_second_of_its_change(
    ticks: AnalyticsTicks, connection: Connection
) -> None:
    async with aclosing(ticks.follow()) as followed:
        assert await anext(followed) == Tick(0)
        await change(connection, 1)
        committed = monotonic()
        assert await anext(followed) == Tick(1)

    assert monotonic() - committed < 1.1


async def test_changes_of_one_second_come_as_one_tick(
    ticks: AnalyticsTicks, connection: Connection
) -> None:
    async with aclosing(ticks.follow()) as followed:
        await anext(followed)
        started = monotonic()
        for position in range(1, 6):
            await change(connection, position)
        assert await anext(followed) == Tick(5)

    assert monotonic() - started >= TICK_SECONDS * 0.9


async def test_an_event_that_is_not_counted_is_no_tick(
    ticks: AnalyticsTicks, connection: Connection
) -> None:
    async with aclosing(ticks.follow()) as followed:
        await anext(followed)
        await fold_in(connection, [stored(StockReceived(sku="cup", quantity=1), 1, NOW)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(followed), 1.5)


async def test_a_slow_subscriber_gets_the_newest_tick_alone(
    ticks: AnalyticsTicks, connection: Connection
) -> None:
    async with aclosing(ticks.follow()) as slow, aclosing(ticks.follow()) as quick:
        await anext(slow)
        await anext(quick)
        for position in (1, 2):
            await change(connection, position)
            assert await anext(quick) == Tick(position)
        assert await anext(slow) == Tick(2)


async def test_nothing_is_polled_without_a_subscriber(ticks: AnalyticsTicks) -> None:
    assert not ticks.is_polling
    async with aclosing(ticks.follow()) as first:
        async with aclosing(ticks.follow()) as second:
            await anext(first)
            await anext(second)
        assert ticks.is_polling
    assert not ticks.is_polling


async def test_a_shutdown_ends_every_subscription(ticks: AnalyticsTicks) -> None:
    async with aclosing(ticks.follow()) as followed:
        await anext(followed)
        waiting = asyncio.create_task(anext(followed, None))
        await asyncio.sleep(0)
        await ticks.close()
        assert await asyncio.wait_for(waiting, 1) is None


async def test_polling_goes_on_after_a_lost_connection(
    ticks: AnalyticsTicks, connection: Connection
) -> None:
    async with aclosing(ticks.follow()) as followed:
        await anext(followed)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND usename = current_user"
        )
        await change(connection, 1)
        assert await asyncio.wait_for(anext(followed), 10) == Tick(1)
