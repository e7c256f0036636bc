"""Publish events to the topic, and ask what it keeps.

Kafka numbers the messages of each partition apart. A sequence of `Holdings` and `Published` is the
sum of these numbers over the partitions. A sum may hide a loss: one partition lost its tail while
another one grew. So the publisher also remembers the end of each partition while it is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, Self

from eventbus.bus import Holdings, Published
from eventbus.errors import EventTooLarge
from eventbus.kafka.connection import KafkaConnection
from eventbus.kafka.ends import Ends
from eventbus.kafka.messages import MAX_MESSAGE_BYTES, at_most_bytes, message_bytes
from eventbus.kafka.oldest import oldest_bodies
from eventbus.kafka.producer import Batch, OrderedProducer
from eventbus.kafka.topic import state_of_topic
from eventstore.cloudevents import MalformedCloudEvent, decode, encode
from eventstore.envelope import StoredEvent

ACKNOWLEDGE_TIMEOUT: Final = timedelta(seconds=5)
"""The time without any acknowledgement after which the events count as not published."""

NOTHING: Final = Published(0, 0)
REUSED: Final = 1
"""A first sequence that the bus has given before: that tells the record of a loss."""


class KafkaPublisher:
    """A Publisher. Its calls keep their order, and a failure ends all that are under way."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._producer: OrderedProducer | None = None
        self._max_message_bytes = MAX_MESSAGE_BYTES
        self._ends = Ends()
        self._turn = asyncio.Lock()
        self._calls = 0
        """The calls that have not returned."""

    @classmethod
    async def connect(cls, bootstrap: str) -> Self:
        """Raises BusUnavailable within seconds."""
        return cls(await KafkaConnection.connect(bootstrap))

    def require_room(self, events: Sequence[StoredEvent]) -> None:
        limit = self._max_message_bytes
        for event in events:
            if at_most_bytes(event) > limit and (size := _size(event)) > limit:
                raise EventTooLarge(event.position, size, limit)

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        self.require_room(events)
        if not events:
            return NOTHING
        producer = self._open_producer()
        self._calls += 1
        try:
            async with self._turn:
                known = self._ends.copy()
                batch = await producer.send(events)
            await _acknowledged(producer, batch, self._connection)
        finally:
            self._calls -= 1
        self._ends.raise_to(batch.offsets)
        return Published(REUSED if known.have(batch.offsets) else 0, self._ends.total)

    async def holdings(self) -> Holdings:
        known = self._ends.copy()
        state = await self._connection.ask(state_of_topic)
        self._max_message_bytes = state.max_message_bytes
        return Holdings(
            generation=state.generation,
            first_sequence=sum(state.lows) + 1,
            last_sequence=sum(state.highs),
            removed=self._ends.compare(known, state),
            retention=state.retention,
            difference=state.difference,
        )

    async def oldest_position(self) -> int | None:
        bodies = await self._connection.ask(oldest_bodies, self._connection.config)
        positions = []
        for body in bodies:
            with suppress(MalformedCloudEvent):
                positions.append(decode(body).position)
        return min(positions, default=None)

    async def aclose(self) -> None:
        if self._producer is not None:
            self._producer.close()
        self._connection.close()

    def _open_producer(self) -> OrderedProducer:
        """Return the producer, or a new one after a failure.

        Raises the failure's BusError while a call has not returned it: its caller must know of it
        before later events are published.
        """
        if self._producer is not None and self._producer.fault is not None:
            if self._calls:
                raise self._producer.fault
            self._producer = None
        if self._producer is None:
            self._producer = OrderedProducer(self._connection, self._max_message_bytes)
        return self._producer


async def _acknowledged(
    producer: OrderedProducer, batch: Batch, connection: KafkaConnection
) -> None:
    """Return once the brokers have stored the batch. Raises BusError."""
    while not batch.acknowledged.done():
        before = producer.acknowledged
        await asyncio.wait({batch.acknowledged}, timeout=ACKNOWLEDGE_TIMEOUT.total_seconds())
        if not batch.acknowledged.done() and producer.acknowledged == before:
            seconds = ACKNOWLEDGE_TIMEOUT.total_seconds()
            producer.fail(connection.unavailable(f"no acknowledgement within {seconds:g} s"))
    batch.acknowledged.result()


def _size(event: StoredEvent) -> int:
    return message_bytes(event, encode(event))
