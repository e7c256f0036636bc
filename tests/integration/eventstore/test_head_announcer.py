from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from eventstore import head
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from tests.integration.eventstore.conftest import to
from tests.integration.eventstore.test_follow import announcing

STATEMENTS = """
    SELECT calls FROM pg_stat_statements
    WHERE query = 'SELECT eventstore.announce_head($1)'
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Clock:
    """The `asyncio` that the announcer sees: its sleeps are counted and take no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not fact():  # noqa: ASYNC110 - a fact to wait for
                await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(head, "asyncio", clock)
    return clock


async def test_a_silent_minute_costs_the_leader_few_statements(
    store: PostgresEventStore, pool: Pool, clock: Clock, owner: asyncpg.Connection
) -> None:
    await owner.execute("CREATE EXTENSION pg_stat_statements")
    await store.append([to("order-1")])
    async with announcing(pool):
        await clock.until(lambda: sum(clock.slept) >= 60)

    assert 60 / head.MAX_TICK_SECONDS < len(clock.slept) < 300
    assert 0 <= await pool.fetchval(STATEMENTS) - len(clock.slept) <= 1


async def test_the_leader_ticks_fast_again_as_soon_as_an_event_comes(
    store: PostgresEventStore, pool: Pool, clock: Clock
) -> None:
    async with announcing(pool):
        await clock.until(lambda: head.MAX_TICK_SECONDS in clock.slept)
        silent = len(clock.slept)
        await store.append([to("order-1")])
        await clock.until(lambda: head.TICK_SECONDS in clock.slept[silent:])
