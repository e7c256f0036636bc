from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from eventstore.postgres import PostgresEventStore
from kit import restart
from kit.pool import Pool, create_pool
from settings import DatabaseRole
from stack.servers import Servers
from tests.conftest import beside
from tests.integration.projections import following
from tests.integration.projections.log import Log, opened


@pytest.fixture
async def log(database_url: str, owner_url: str) -> AsyncIterator[Log]:
    async with opened(database_url, owner_url) as log:
        yield log


@pytest.fixture
def projections_url(servers: Servers, database_url: str) -> str:
    """Return the test's database for the role that follows the log and rebuilds read models."""
    return beside(servers, DatabaseRole.PROJECTIONS, database_url)


@pytest.fixture
async def projecting(projections_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(projections_url, transaction_seconds=0) as pool:
        yield pool


@pytest.fixture
async def store(pool: Pool) -> PostgresEventStore:
    """Return a store without inline projections, for the events of a following one."""
    return PostgresEventStore(pool)


@pytest.fixture
async def receipts(owner: asyncpg.Connection) -> asyncpg.Connection:
    """Create the tables of the tests' following projection."""
    await owner.execute(following.CREATE)
    return owner


@pytest.fixture
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(restart, "MAX_PAUSE_SECONDS", 0.05)
