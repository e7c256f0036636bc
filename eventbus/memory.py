"""The bus in the memory of one process, for development and tests. Nothing of it outlives it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

from eventbus.backlog import Backlog
from eventbus.broker_bus import BrokerBus
from eventbus.bus import Holdings, Published
from eventbus.errors import BusRefusal, BusUnavailable
from eventbus.headers import headers_of
from eventbus.ready import Ready
from eventbus.routing import PARTITIONS, partition_of
from eventbus.source import Message
from eventstore.cloudevents import CONTENT_TYPE, encode
from eventstore.envelope import StoredEvent
from kit.pool import Pool

KEPT: Final = 2_000
"""The number of messages that a partition holds at most."""
AT_ONCE: Final = 500
"""The number of messages that a consumer is given at most."""
FULL_TIMEOUT: Final = timedelta(seconds=5)
"""The time for which a publisher waits for the slowest group."""


class MemoryMessage(Message):
    """An event that is encoded only when its bytes are needed."""

    __slots__ = ("_event", "sequence")

    _event: StoredEvent
    sequence: int

    def __init__(self, event: StoredEvent, partition: int, sequence: int) -> None:
        set_field = object.__setattr__  # the class is frozen
        set_field(self, "_event", event)
        set_field(self, "sequence", sequence)
        set_field(self, "key", event.stream_id)
        set_field(self, "partition", partition)

    @property
    def headers(self) -> Mapping[str, str]:
        return headers_of(self._event) | {"content-type": CONTENT_TYPE}

    @property
    def body(self) -> bytes:
        return encode(self._event)

    @property
    def origin(self) -> str:
        return f"memory/{self.sequence}"

    @property
    def event_type(self) -> str:
        return self._event.type

    def event(self) -> StoredEvent:
        return self._event


class Partition:
    """The newest messages of a partition, and the places of the groups in it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.messages: deque[MemoryMessage] = deque()
        self.begin = 0
        """The number of messages that were dropped before the first held one."""
        self.cursors: list[Cursor] = []

    @property
    def end(self) -> int:
        return self.begin + len(self.messages)

    def drop(self, count: int) -> Iterator[MemoryMessage]:
        """Drop the oldest messages, at most `count`, and none that an active group needs."""
        needed = min((c.done for c in self.cursors if c.is_active), default=self.end)
        for _ in range(min(count, needed - self.begin)):
            self.begin += 1
            yield self.messages.popleft()


class Cursor:
    """The place of a group in a partition."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self.is_active = False
        self.done = partition.begin
        """The number of messages that the group has handled, or that were dropped before."""
        self._taken = self.done

    @property
    def has_messages(self) -> bool:
        return self._taken < self._partition.end

    def activate(self, ready: Ready[Cursor]) -> None:
        self.is_active = True
        self.done = self._taken = max(self.done, self._partition.begin)
        ready.offer(self)

    def take(self) -> Sequence[MemoryMessage]:
        start = self._taken - self._partition.begin
        taken = list(islice(self._partition.messages, start, start + AT_ONCE))
        self._taken += len(taken)
        return taken

    def finish(self) -> None:
        self.done = self._taken


class MemoryDeliveries:
    """Deliveries of all partitions to the one consumer of a group."""

    def __init__(self, cursors: Sequence[Cursor], room: asyncio.Event) -> None:
        self.cursors = cursors
        self._room = room
        self._ready: Ready[Cursor] = Ready()
        for cursor in cursors:
            cursor.activate(self._ready)

    def offer(self, partition: int) -> None:
        self._ready.offer(self.cursors[partition])

    async def __aiter__(self) -> AsyncIterator[Sequence[Message]]:
        while True:
            yield (await self._ready.next()).take()

    async def done(self, messages: Sequence[Message]) -> None:
        cursor = self.cursors[messages[0].partition]
        cursor.finish()
        self._ready.give_back(cursor)
        self._room.set()

    def end(self) -> None:
        for cursor in self.cursors:
            cursor.is_active = False
        self._room.set()


class MemoryBroker:
    """The Publisher and the Source of one process."""

    def __init__(self) -> None:
        self._generation = uuid4().hex
        self._last_sequence = 0
        self._partitions = [Partition(number) for number in range(PARTITIONS)]
        self._ids: set[UUID] = set()
        self._groups: dict[str, Sequence[Cursor]] = {}
        self._consuming: dict[str, MemoryDeliveries] = {}
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()

    def require_room(self, events: Sequence[StoredEvent]) -> None:
        """Accept events of any size."""

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        """Wait for room, which the slowest group makes."""
        async with self._turn:
            before = self._last_sequence
            filled: set[int] = set()
            try:
                for event in events:
                    if event.event_id not in self._ids:
                        partition = self._partitions[partition_of(event.stream_id)]
                        if len(partition.messages) >= KEPT:
                            await self._make_room(partition, filled)
                        self._keep(partition, event)
                        filled.add(partition.number)
            finally:
                self._offer(filled)
            await asyncio.sleep(0)  # a publisher that always has more would let no consumer begin
            last = self._last_sequence
            return Published(before + 1, last) if last > before else Published(0, 0)

    def _keep(self, partition: Partition, event: StoredEvent) -> None:
        self._last_sequence += 1
        self._ids.add(event.event_id)
        partition.messages.append(MemoryMessage(event, partition.number, self._last_sequence))

    async def _make_room(self, partition: Partition, filled: set[int]) -> None:
        """Raises BusUnavailable."""
        try:
            async with asyncio.timeout(FULL_TIMEOUT.total_seconds()):
                while not self._drop(partition):
                    self._offer(filled)
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            raise BusUnavailable("the bus is full: a consumer group handles nothing") from None

    def _drop(self, partition: Partition) -> bool:
        dropped = list(partition.drop(KEPT // 4))
        self._ids.difference_update(message.event().event_id for message in dropped)
        return bool(dropped)

    def _offer(self, partitions: set[int]) -> None:
        for deliveries in self._consuming.values():
            for partition in partitions:
                deliveries.offer(partition)

    async def holdings(self) -> Holdings:
        # Messages that every group has taken are dropped to make room: that is no loss.
        return Holdings(self._generation, 1, self._last_sequence, 0, None, None)

    async def oldest_position(self) -> int | None:
        oldest = (p.messages[0].event().position for p in self._partitions if p.messages)
        return min(oldest, default=None)

    async def aclose(self) -> None:
        """Close nothing: the messages end with the process."""

    @asynccontextmanager
    async def deliveries(self, group: str) -> AsyncIterator[MemoryDeliveries]:
        """Raises BusRefusal for a group that has a consumer."""
        if group in self._consuming:
            raise BusRefusal(f"group {group} has a consumer already: it cannot share a process")
        if group not in self._groups:
            self._groups[group] = [self._cursor(partition) for partition in self._partitions]
        deliveries = MemoryDeliveries(self._groups[group], self._room)
        self._consuming[group] = deliveries
        try:
            yield deliveries
        finally:
            del self._consuming[group]
            deliveries.end()

    @staticmethod
    def _cursor(partition: Partition) -> Cursor:
        cursor = Cursor(partition)
        partition.cursors.append(cursor)
        return cursor


def memory_bus(pool: Pool) -> BrokerBus:
    broker = MemoryBroker()
    return BrokerBus(pool, broker, broker)


class MemoryConnector:
    """Open buses in memory. There is no server, and nothing waits for a group."""

    async def connect(self, pool: Pool) -> BrokerBus:
        return memory_bus(pool)

    async def ask(self) -> None:
        """Return at once."""

    async def backlogs(self) -> Sequence[Backlog]:
        return []
