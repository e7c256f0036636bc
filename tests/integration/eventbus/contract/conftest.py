"""Open each bus in turn, with a log whose events a test publishes to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from eventbus import letters
from kit.pool import Pool
from tests.support.bus_world import World
from tests.support.buses import BUSES, SHARED, BusUnderTest
from tests.support.consuming import CREATE


@pytest.fixture(params=list(BUSES))
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BusUnderTest]:
    async with (BUSES | SHARED)[request.param](tmp_path) as broker:
        yield broker


@pytest.fixture
async def world(
    broker: BusUnderTest, pool: Pool, owner: asyncpg.Connection
) -> AsyncIterator[World]:
    await owner.execute(CREATE)
    bus = await broker.connect(pool)
    yield World(pool, bus, broker)
    await bus.close()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "FIRST_PAUSE", letters.FIRST_PAUSE / 50)
