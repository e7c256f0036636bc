from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections.inline import InlineReadModels
from tests.support.keys import a_vault
from tests.support.mail_sink import MailSink, mail_sink
from tests.support.operator_notices import Operators
from tests.support.order_log import OrderLog
from tests.support.webhook_receiver import Receiver


@pytest.fixture
async def sink(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSink]:
    """A mail server of this test alone: all operators have the same address."""
    sink = mail_sink(tmp_path_factory.mktemp("sink"))
    async with sink.running():
        yield sink


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as receiver:
        yield receiver


@pytest.fixture
def log(pool: Pool) -> OrderLog:
    return OrderLog(PostgresEventStore(pool, [InlineReadModels()], a_vault(pool)))


@pytest.fixture
def operators(pool: Pool, sink: MailSink, receiver: Receiver) -> Operators:
    return Operators(pool, sink.smtp_url, receiver.url)


@pytest.fixture
def silent(pool: Pool) -> Operators:
    """A worker that keeps the notices and has no channel."""
    return Operators(pool)
