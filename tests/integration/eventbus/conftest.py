"""Start a NATS server for each test, which the test may stop, wipe and start again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.pool import Pool
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker, nats_broker


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[NatsBroker]:
    async with nats_broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def log(pool: Pool, broker: NatsBroker) -> Log:
    return Log(pool, broker)
