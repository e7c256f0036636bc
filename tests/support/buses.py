"""Buses under test, each with what the contract tests need to know of it.

A further broker is one more entry of BUSES.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from eventbus.broker_bus import BrokerBus
from eventbus.bus import EventBus
from eventbus.memory import MemoryBroker
from eventstore.envelope import StoredEvent
from kit.pool import Pool
from tests.support.kafka import kafka_broker
from tests.support.kafka_mock import kafka_mock
from tests.support.nats import nats_broker


class BusUnderTest(Protocol):
    """One broker, to which any number of buses connect."""

    async def connect(self, pool: Pool) -> EventBus:
        """Connect as another process would. The caller closes the bus."""

    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        """Publish a message that is no event, with the key of a stream and without headers."""

    @property
    def settings(self) -> dict[str, str]:
        """The settings by which a process connects to it; empty: it lives in one process."""


@dataclass
class MemoryUnderTest:
    broker: MemoryBroker
    settings: dict[str, str]

    async def connect(self, pool: Pool) -> EventBus:
        return BrokerBus(pool, self.broker, self.broker)

    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        raise NotImplementedError  # it holds events, and never bytes


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[BusUnderTest]:
    yield MemoryUnderTest(MemoryBroker(), {})


Opened = Callable[[Path], AbstractAsyncContextManager[BusUnderTest]]

BUSES: Final[dict[str, Opened]] = {
    "memory": memory,
    "nats": nats_broker,
    "kafka": kafka_broker,
}
SHARED: Final[dict[str, Opened]] = {"nats": nats_broker, "kafka-mock": kafka_mock}
"""The buses that several processes share, and whose groups notice that a member was killed."""


def positions(events: Sequence[StoredEvent]) -> list[int]:
    return [event.position for event in events]
