"""A broker that speaks Kafka's protocol, for a test.

It is noida-db. Like Kafka it keeps idempotent producers in order and commits the offsets of groups.
Unlike Kafka it writes its whole store again about every 40 ms: a SIGKILL under load loses the
messages since then, though they were acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from time import time
from typing import TypeVar

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from eventbus.bus import EventBus
from eventbus.kafka.bus import connected_bus
from eventbus.kafka.publisher import KafkaPublisher
from eventbus.kafka.topic import TOPIC, TopicState, state_of_topic
from eventstore.cloudevents import decode
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from kit.pool import Pool
from stack.ports import LOOPBACK
from stack.processes import Program, Tier
from stack.supervisor import supervised
from tests.support.broker import BrokerProcess

IDLE_SECONDS = 0.4
QUIET = {"log_level": 0}

T = TypeVar("T")


class KafkaBroker(BrokerProcess):
    @property
    def port(self) -> int:
        return self.ports.nats_port

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        return {"WAYBILL_BUS": "kafka", "WAYBILL_KAFKA_BOOTSTRAP": self.bootstrap}

    def program(self, options: str) -> Program:
        return Program(
            name="kafka",
            tier=Tier.SERVER,
            command=(
                *(_binary(), "start", "--only", "kafka", "--kafka-port", str(self.port)),
                *("--data-dir", str(self.store), *options.split()),
            ),
            is_ready=self._accepts,
            stop_within=30,  # it would be killed after that, and lose messages
        )

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[KafkaPublisher]:
        async with aclosing(await KafkaPublisher.connect(self.bootstrap)) as publisher:
            yield publisher

    async def is_idle(self) -> None:
        """Wait until it has written all that it was sent: it writes about every 40 ms."""

        async def has_written() -> bool:
            try:
                newest = max(file.stat().st_mtime for file in self.store.iterdir())
            except FileNotFoundError:  # it replaces its file
                return False
            return time() - newest > IDLE_SECONDS

        await eventually(has_written)

    async def connect(self, pool: Pool) -> EventBus:
        bus = await connected_bus(self.bootstrap, pool)
        await bus.holdings()  # it creates the topic
        return bus

    async def ask(self, question: Callable[[AdminClient], T]) -> T:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, **QUIET})
        return await asyncio.to_thread(question, admin)

    async def state(self) -> TopicState:
        return await self.ask(state_of_topic)

    async def messages(self) -> list[Message]:
        """Return every message of the topic, each partition in its order."""
        state = await self.state()
        return await asyncio.to_thread(self._read, state)

    async def events(self) -> list[StoredEvent]:
        return [decode(message.value() or b"") for message in await self.messages()]

    async def has(self, positions: Sequence[int]) -> None:
        """Wait until the topic keeps exactly these, in any order."""

        async def are_there() -> bool:
            return sorted(e.position for e in await self.events()) == list(positions)

        await eventually(are_there)

    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, **QUIET})
        producer.produce(TOPIC, body, key=key, partition=partition)
        assert await asyncio.to_thread(producer.flush, 5) == 0

    def _read(self, state: TopicState) -> list[Message]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "test", **QUIET})
        consumer.assign([TopicPartition(TOPIC, *low) for low in enumerate(state.lows)])
        count = sum(state.highs) - sum(state.lows)
        messages = consumer.consume(count, timeout=5) if count else []
        consumer.close()
        assert len(messages) == count
        return sorted(messages, key=lambda m: (m.partition() or 0, m.offset() or 0))

    async def _accepts(self, pid: int) -> bool:
        del pid
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
            writer.close()
            return True
        return False


@asynccontextmanager
async def kafka_broker(folder: Path) -> AsyncIterator[KafkaBroker]:
    async with supervised(folder) as supervisor:
        broker = KafkaBroker(folder, supervisor)
        await broker.start()
        yield broker


def _binary() -> str:
    """Return the server itself: the script of its package starts it as a child."""
    spec = find_spec("noida_db")
    assert spec is not None, "noida-db is not installed: run make test"
    assert spec.origin is not None
    path = Path(spec.origin).parent / "noida-db"
    path.chmod(0o755)
    return str(path)
