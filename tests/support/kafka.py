"""A broker that speaks Kafka's protocol, which a test may stop, wipe and start again.

It is noida-db. Like Kafka it keeps idempotent producers in order and commits the offsets of groups.
Unlike Kafka it writes its whole store again about every 40 ms: a SIGKILL under load loses the
messages since then, though they were acknowledged.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from eventbus.kafka.topic import TOPIC, TopicState, state_of_topic
from eventstore.cloudevents import decode
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from stack.ports import LOOPBACK, Ports
from stack.processes import Child, Program, Tier
from stack.supervisor import Supervisor, supervised

QUIET = {"log_level": 0}

T = TypeVar("T")


@dataclass
class KafkaBroker:
    """Its port stays the same when it is started again."""

    folder: Path
    supervisor: Supervisor
    port: int = field(default_factory=lambda: Ports.free().nats_port)
    child: Child | None = None

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    async def start(self) -> None:
        self.child = await self.supervisor.start(
            Program(
                name="kafka",
                tier=Tier.SERVER,
                command=(
                    *(_binary(), "start", "--only", "kafka", "--kafka-port", str(self.port)),
                    *("--data-dir", str(self.store)),
                ),
                is_ready=self._accepts,
            )
        )

    async def stop(self) -> None:
        """Stop it cleanly: it keeps everything."""
        assert self.child is not None
        await self.child.stop()

    async def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        await self.child.wait()

    async def restart_empty(self) -> None:
        await self.kill()
        shutil.rmtree(self.store)
        await self.start()

    @asynccontextmanager
    async def restored(self) -> AsyncIterator[None]:
        """Put the store of now back after the block, as an older backup would."""
        await self.stop()
        older = self.folder / "older"
        shutil.copytree(self.store, older)
        await self.start()
        yield
        await self.kill()
        shutil.rmtree(self.store)
        shutil.copytree(older, self.store)
        await self.start()

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
        """Wait until the topic keeps exactly the events at these positions."""

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
