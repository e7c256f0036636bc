from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from tests.integration.webhooks.world import World
from tests.support.keys import MASTER_KEYS, a_vault
from tests.support.webhook_receiver import Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as receiver:
        yield receiver


@pytest.fixture
def world(pool: Pool) -> World:
    """A log, and a registry of webhooks that may be on this machine."""
    return World(pool, PostgresEventStore(pool, vault=a_vault(pool)), MASTER_KEYS)
