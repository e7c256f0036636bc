"""Connect to NATS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eventbus.backlog import Backlog
from eventbus.broker_bus import BrokerBus
from eventbus.nats.backlog import backlogs
from eventbus.nats.bus import connected_bus
from eventbus.nats.connection import ask
from kit.pool import Pool


@dataclass(frozen=True, slots=True)
class NatsConnector:
    url: str

    async def connect(self, pool: Pool) -> BrokerBus:
        return await connected_bus(self.url, pool)

    async def ask(self) -> None:
        await ask(self.url)

    async def backlogs(self) -> Sequence[Backlog]:
        return await backlogs(self.url)
