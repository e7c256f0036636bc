"""A log with a relay to a broker, and what the tests wait for in the record of the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from domain.order.events import OrderReserved
from eventbus.bus import Publisher
from eventbus.relay import Relay
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Pool
from tests.support.broker import BrokerProcess

METADATA = EventMetadata(correlation_id="test")


@dataclass
class Log:
    """A log with a relay to the broker."""

    pool: Pool
    broker: BrokerProcess

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
        async with self.broker.publishing() as publisher, self.relaying_to(publisher) as task:
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


async def _equal(read: Callable[[], Awaitable[object]], expected: object) -> bool:
    return await read() == expected
