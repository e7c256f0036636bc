from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.search_key import SearchKey
from kit.pool import Pool
from projections.inline import InlineReadModels
from tests.support.keys import SEARCH_KEY, a_vault
from tests.support.mail_sink import MailSink, mail_sink
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog


@pytest.fixture(scope="session")
async def running_sink(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSink]:
    sink = mail_sink(tmp_path_factory.mktemp("sink"))
    async with sink.running():
        yield sink


@pytest.fixture
async def sink(running_sink: MailSink) -> AsyncIterator[MailSink]:
    yield running_sink
    await running_sink.reset()


@pytest.fixture
def log(pool: Pool) -> OrderLog:
    return OrderLog(PostgresEventStore(pool, [InlineReadModels()], a_vault(pool)))


@pytest.fixture
async def mailing(pool: Pool, sink: MailSink) -> Mailing:
    """E-mail that was switched on before the log began."""
    made = Mailing(pool, a_vault(pool), SearchKey(SEARCH_KEY), sink.smtp_url)
    await made.switch_on()
    return made
