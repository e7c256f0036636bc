"""Start a Kafka-protocol broker for each test: one is ready within 0.2 s."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from eventbus.kafka.publisher import KafkaPublisher
from kit.pool import Pool
from tests.integration.eventbus.conftest import Log
from tests.support.kafka import KafkaBroker, kafka_broker


class KafkaLog(Log):
    """A log with a relay to Kafka."""

    def __init__(self, pool: Pool, kafka: KafkaBroker) -> None:
        self.pool = pool
        self.kafka = kafka

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[asyncio.Task[None]]:
        async with (
            aclosing(await KafkaPublisher.connect(self.kafka.bootstrap)) as bus,
            self.relaying_to(bus) as task,
        ):
            yield task


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[KafkaBroker]:
    async with kafka_broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def kafka_log(pool: Pool, kafka: KafkaBroker) -> KafkaLog:
    return KafkaLog(pool, kafka)
