"""Connect to Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventbus.backlog import Backlog
from eventbus.broker_bus import BrokerBus
from eventbus.kafka.backlog import backlogs
from eventbus.kafka.bus import connected_bus
from eventbus.kafka.connection import ask
from kit.pool import Pool


@dataclass(frozen=True, slots=True)
class KafkaConnector:
    bootstrap: str
    security: Mapping[str, str]

    async def connect(self, pool: Pool) -> BrokerBus:
        return await connected_bus(self.bootstrap, pool, self.security)

    async def ask(self) -> None:
        await ask(self.bootstrap, self.security)

    async def backlogs(self) -> Sequence[Backlog]:
        return await backlogs(self.bootstrap, self.security)
