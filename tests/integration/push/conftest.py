from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.search_key import SearchKey
from kit.engine import create_engine
from kit.pool import Pool
from projections.inline import InlineReadModels
from queries.notifications import NotificationQueries
from settings import DatabaseRole
from stack.servers import Servers
from tests.conftest import beside
from tests.support.keys import SEARCH_KEY, a_vault
from tests.support.order_log import OrderLog
from tests.support.push import Pushing
from tests.support.webhook_receiver import Receiver, status


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    """A push service that takes every message."""
    async with Receiver(respond=status(201)).listening() as service:
        yield service


@pytest.fixture
def log(pool: Pool) -> OrderLog:
    return OrderLog(PostgresEventStore(pool, [InlineReadModels()], a_vault(pool)))


@pytest.fixture
async def pushing(pool: Pool) -> Pushing:
    """Web push that was switched on before the log began."""
    made = Pushing(pool, a_vault(pool), SearchKey(SEARCH_KEY))
    await made.switch_on()
    return made


@pytest.fixture
async def queries(servers: Servers, database_url: str) -> AsyncIterator[NotificationQueries]:
    engine = create_engine(beside(servers, DatabaseRole.API, database_url))
    yield NotificationQueries(engine)
    await engine.dispose()
