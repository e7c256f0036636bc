"""Start a Kafka-protocol broker for each test: one is ready within 0.2 s."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.pool import Pool
from tests.support.bus_log import Log
from tests.support.kafka import KafkaBroker, kafka_broker


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[KafkaBroker]:
    async with kafka_broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def kafka_log(pool: Pool, kafka: KafkaBroker) -> Log:
    return Log(pool, kafka)
