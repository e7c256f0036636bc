from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.postgres import PostgresEventStore
from kit.engine import create_engine
from kit.pool import Pool
from projections.inline import InlineReadModels
from queries.orders import OrderQueries
from tests.integration.queries.searching import Search
from tests.support.keys import a_vault
from tests.support.order_log import OrderLog


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def log(pool: Pool) -> OrderLog:
    return OrderLog(PostgresEventStore(pool, [InlineReadModels()], a_vault(pool)))


@pytest.fixture
def orders(engine: AsyncEngine) -> OrderQueries:
    return OrderQueries(engine)


@pytest.fixture
def search(orders: OrderQueries, log: OrderLog) -> Search:
    return Search(orders, log)
