"""A log, a bus to which its events are published, and what the tests of consumers wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import uuid4

from domain.event import Event
from domain.order.events import OrderReserved
from eventbus.bus import EventBus
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Connection, Pool
from tests.support.bus_log import METADATA
from tests.support.buses import BusUnderTest
from tests.support.consuming import Effects, versions

GROUP: Final = "tests"


@dataclass
class World:
    """A log, and a bus to which its events are published."""

    pool: Pool
    bus: EventBus
    broker: BusUnderTest
    published: int = 0
    seen: list[StoredEvent] = field(default_factory=list)

    @property
    def store(self) -> PostgresEventStore:
        return PostgresEventStore(self.pool)

    async def publish(
        self, stream_id: str, *events: Event, metadata: EventMetadata = METADATA
    ) -> Sequence[StoredEvent]:
        """Append the events and publish what is new in the log."""
        new = [NewEvent(uuid4(), event, metadata) for event in events]
        await self.store.append([StreamAppend(stream_id, new, ANY)])
        return await self.publish_log()

    async def publish_log(self) -> Sequence[StoredEvent]:
        page = await self.store.load_all_events(self.published, 10_000)
        self.published = page[-1].position
        await self.bus.publish(page)
        return page

    async def publish_orders(self, orders: int, events: int) -> dict[str, list[int]]:
        """Publish events of many streams, mixed; return the versions that each stream then has."""
        streams = [f"order-{number}" for number in range(orders)]
        for _ in range(events):
            new = [NewEvent(uuid4(), OrderReserved(order_id=s), METADATA) for s in streams]
            appends = [StreamAppend(s, [n], ANY) for s, n in zip(streams, new, strict=True)]
            await self.store.append(appends)
        await self.publish_log()
        return {stream: list(range(1, events + 1)) for stream in streams}

    async def see(self, _: Connection, event: StoredEvent) -> None:
        """A handler without an effect."""
        self.seen.append(event)

    async def sees(self, *positions: int) -> None:
        """Wait until exactly these events were handled, in any order."""
        await eventually(lambda: sorted(e.position for e in self.seen) == sorted(positions))

    async def has_versions(
        self, expected: dict[str, list[int]], group: str = GROUP, seconds: float = 30
    ) -> None:
        """Wait until the group has made these effects, in this order for each stream."""

        async def are_there() -> bool:
            return await versions(self.pool, group) == expected

        try:
            await eventually(are_there, seconds)
        except TimeoutError:
            assert await versions(self.pool, group) == expected

    async def has_effects(self, count: int, group: str = GROUP) -> None:
        """Wait until the group has made this number of effects."""

        async def are_there() -> bool:
            found = await versions(self.pool, group)
            return sum(map(len, found.values())) == count

        await eventually(are_there)

    async def letters(self) -> list[tuple[object, ...]]:
        rows = await self.pool.fetch(
            "SELECT key, state, attempts, cause FROM eventstore.dead_letter ORDER BY id"
        )
        return [tuple(row) for row in rows]

    async def has_letters(self, *expected: tuple[object, ...]) -> None:
        async def are_there() -> bool:
            return await self.letters() == list(expected)

        try:
            await eventually(are_there)
        except TimeoutError:
            assert await self.letters() == list(expected)

    async def has_letter_count(self, count: int) -> None:
        async def are_there() -> bool:
            return len(await self.letters()) == count

        await eventually(are_there)

    async def has_dead_letter(self) -> None:
        async def is_there() -> bool:
            return any(letter[1] == "dead" for letter in await self.letters())

        await eventually(is_there)

    async def actions(self) -> list[tuple[object, ...]]:
        rows = await self.pool.fetch(
            "SELECT letter_id, key, action, actor, reason FROM eventstore.dead_letter_action"
            " ORDER BY id"
        )
        return [tuple(row) for row in rows]


def reserved(count: int = 1) -> list[Event]:
    return [OrderReserved(order_id="o-1") for _ in range(count)]


class Faulty:
    """A handler that fails while an event of these streams and versions is broken."""

    def __init__(self, world: World, *broken: tuple[str, int]) -> None:
        self._world = world
        self.broken = set(broken)
        self.tried: dict[tuple[str, int], list[float]] = defaultdict(list)

    async def __call__(self, connection: Connection, event: StoredEvent) -> None:
        place = event.stream_id, event.version
        self.tried[place].append(monotonic())
        await Effects(GROUP)(connection, event)
        if place in self.broken:
            raise ValueError("a secret of the customer")
        await self._world.see(connection, event)
