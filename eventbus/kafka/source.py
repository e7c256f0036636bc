"""The messages of the topic, for the members of a consumer group.

Kafka's group protocol spreads the partitions over the members. All calls of the client are made in
one thread, since it allows one call at a time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from time import monotonic
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from eventbus.kafka.connection import KafkaConnection, logger
from eventbus.kafka.held import MAX_BATCH, Batch, Held
from eventbus.kafka.topic import TOPIC, require_topic
from eventbus.ready import Ready
from eventbus.source import Deliveries, Message

GROUP_PREFIX: Final = "waybill-"
POLL_SECONDS: Final = 0.05
COMMIT_EVERY: Final = timedelta(milliseconds=200)
"""A member that is killed has the messages of this time delivered again, to another member."""
CLOSE_TIMEOUT: Final = timedelta(milliseconds=500)

CONFIG: Final[dict[str, Any]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # A new group begins with the oldest message. So does a group whose offsets no longer exist.
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 6_000,  # the least that brokers allow by default
    "heartbeat.interval.ms": 1_000,
    "isolation.level": "read_committed",
    "queued.min.messages": 1_000,
    "queued.max.messages.kbytes": 16_384,
}

_ENDS: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,  # deleted: the next deliveries() creates it again
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)
"""The errors that the client does not repair by itself."""


class KafkaSource:
    """A Source."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def deliveries(self, group: str) -> AsyncIterator[Deliveries]:
        await self._connection.ask(require_topic)
        deliveries = KafkaDeliveries(self._connection, group)
        try:
            yield deliveries
        finally:
            await deliveries.close()


class KafkaDeliveries:
    """Deliveries. The methods that the thread calls say so."""

    def __init__(self, connection: KafkaConnection, group: str) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._ready = Ready[Held]()
        self._held: dict[int, Held] = {}
        self._done: dict[Held, int] = {}
        """The offsets to commit. Both threads use single operations of the dictionary."""
        self._committed = monotonic()
        self._is_open = True
        self._ended = self._loop.create_future()
        with connection.translated():
            self._consumer = Consumer(
                {**connection.config, **CONFIG, "group.id": f"{GROUP_PREFIX}{group}"}
            )
            self._consumer.subscribe(
                [TOPIC], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
        threading.Thread(target=self._consume, name=f"kafka group {group}", daemon=True).start()

    def __aiter__(self) -> AsyncIterator[Sequence[Message]]:
        return self

    async def __anext__(self) -> Sequence[Message]:
        while True:
            held = await self._ready.next()
            if held.has_messages:
                return held.take()
            self._ready.give_back(held)

    async def done(self, messages: Sequence[Message]) -> None:
        assert isinstance(messages, Batch)  # noqa: S101 - only what was delivered is done
        if not messages.held.is_lost:
            self._done[messages.held] = messages.end
        self._ready.give_back(messages.held)

    async def close(self) -> None:
        """Leave the group. Return without an answer of the brokers after CLOSE_TIMEOUT."""
        self._is_open = False
        await asyncio.wait({self._ended}, timeout=CLOSE_TIMEOUT.total_seconds())

    def _consume(self) -> None:
        """Run in a thread until close()."""
        try:
            while self._is_open:
                self._commit_in_time()
                self._pause_and_resume()
                message = self._consumer.poll(POLL_SECONDS)
                if message is not None:
                    self._add([message, *self._consumer.consume(MAX_BATCH, 0)])
        except KafkaException as error:
            self._call(self._ready.fail, self._connection.fault(error.args[0]))
        finally:
            with suppress(KafkaException):
                self._commit()
                self._consumer.close()
            del self._consumer
            self._call(self._end)

    def _add(self, messages: Sequence[KafkaMessage]) -> None:
        """Called by the thread. Raises KafkaException."""
        changed = {}
        for message in messages:
            if (error := message.error()) is not None:
                self._note(error)
            elif (held := self._held.get(message.partition() or 0)) is not None:
                held.add(message)
                changed[held.number] = held
        for held in changed.values():
            self._call(self._ready.offer, held)

    def _note(self, error: KafkaError) -> None:
        """Called by the thread. Raises KafkaException."""
        if error.fatal() or error.code() in _ENDS:
            raise KafkaException(error)
        logger.debug("a consumer of Kafka: %s", error)

    def _pause_and_resume(self) -> None:
        """Called by the thread."""
        for held in self._held.values():
            partition = [TopicPartition(TOPIC, held.number)]
            if held.is_full and not held.is_paused:
                self._consumer.pause(partition)
                held.is_paused = True
            elif held.is_paused and held.has_room:
                self._consumer.resume(partition)
                held.is_paused = False

    def _commit_in_time(self) -> None:
        """Called by the thread."""
        if monotonic() - self._committed < COMMIT_EVERY.total_seconds():
            return
        self._committed = monotonic()
        if offsets := self._offsets():
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def _commit(self) -> None:
        """Called by the thread. Commit before the partitions go to other members."""
        if offsets := self._offsets():
            with suppress(KafkaException):  # they go without it, and are delivered again
                self._consumer.commit(offsets=offsets, asynchronous=False)

    def _offsets(self) -> list[TopicPartition]:
        done = [(held, self._done.pop(held)) for held in list(self._done)]
        return [TopicPartition(TOPIC, held.number, end) for held, end in done if not held.is_lost]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Called by the thread, inside poll()."""
        self._held |= {p.partition: Held(p.partition) for p in partitions}
        consumer.incremental_assign(partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Called by the thread, inside poll() or close()."""
        self._commit()
        self._lost(consumer, partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Called by the thread. No message of these partitions is handed out from now on."""
        for partition in partitions:
            if (held := self._held.pop(partition.partition, None)) is not None:
                held.is_lost = True
        consumer.incremental_unassign(partitions)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        """Called by the thread: call the function in the event loop."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *arguments)
