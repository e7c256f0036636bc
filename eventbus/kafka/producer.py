"""A producer that keeps the order of its messages, and that ends with its first failure.

Kafka's idempotent producer numbers the messages of each partition, and the broker accepts them in
this order only. So no message can overtake one that failed. The messages that wait for it fail
too, and so does every later one, until a new producer publishes them all again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from eventbus.errors import BusError
from eventbus.kafka.connection import KafkaConnection
from eventbus.kafka.messages import headers_of
from eventbus.kafka.topic import TOPIC
from eventbus.routing import partition_of
from eventstore.cloudevents import encode
from eventstore.envelope import StoredEvent

POLL_SECONDS: Final = 0.1
NO_LIMIT: Final = 0
QUEUE_FULL_PAUSE: Final = timedelta(milliseconds=10)

CONFIG: Final[dict[str, Any]] = {
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "acks": "all",
    "linger.ms": 1,
    # The client may skip a message that is too old. Waybill gives up all messages instead.
    "message.timeout.ms": NO_LIMIT,
}


@dataclass(eq=False)
class Batch:
    """Messages that were given to the client together."""

    count: int
    acknowledged: asyncio.Future[None]
    stored: int = 0
    """The number of messages that a broker has stored."""
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """The partition and the offset of each stored message, where the broker has named the offset.

    It does not name that of a repetition whose first attempt it had stored unnoticed.
    """


class OrderedProducer:
    def __init__(self, connection: KafkaConnection, max_message_bytes: int) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: set[Batch] = set()
        self._is_open = True
        self.max_message_bytes = max_message_bytes
        self.acknowledged = 0
        """The number of messages that brokers have stored."""
        self.fault: BusError | None = None
        with connection.translated():
            producer = Producer(
                {**connection.config, **CONFIG, "message.max.bytes": max_message_bytes}
            )
        self._producer = producer
        self._thread = threading.Thread(target=self._poll, name="kafka producer", daemon=True)
        self._thread.start()

    async def send(self, events: Sequence[StoredEvent]) -> Batch:
        """Give the events to the client, in their order. Raises BusError.

        The caller must not call it again before it has returned.
        """
        batch = Batch(len(events), self._loop.create_future())
        self._waiting.add(batch)
        batch.acknowledged.add_done_callback(lambda _: self._waiting.discard(batch))

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._delivered(batch, error, message)

        for event in events:
            body = encode(event)
            while self.fault is None:
                try:
                    self._producer.produce(
                        TOPIC,
                        body,
                        key=event.stream_id,
                        partition=partition_of(event.stream_id),
                        headers=[*headers_of(event).items()],
                        on_delivery=delivered,
                    )
                    break
                except BufferError:  # the queue of the client is full
                    await asyncio.sleep(QUEUE_FULL_PAUSE.total_seconds())
                except KafkaException as error:
                    self.fail(self._connection.fault(error.args[0]))
            if self.fault is not None:
                raise self.fault
        return batch

    def fail(self, fault: BusError) -> None:
        """End the producer: what no broker has acknowledged fails."""
        if self.fault is None:
            self.fault = fault
        self.close()

    def close(self) -> None:
        """End the producer. A broker may still store what it was sent."""
        self._is_open = False
        fault = self.fault or self._connection.unavailable("the bus is closed")
        for batch in list(self._waiting):
            if not batch.acknowledged.done():
                batch.acknowledged.set_exception(fault)
                batch.acknowledged.exception()  # its user may have been cancelled

    def _poll(self) -> None:
        """Run in a thread: the callbacks of the client are called here."""
        try:
            while self._is_open:
                self._producer.poll(POLL_SECONDS)
        except KafkaException as error:  # a fatal one
            self._call(self._fail, error.args[0])
        with suppress(KafkaException):
            self._producer.purge()
        del self._producer  # Its threads end here, not in the event loop's thread.

    def _delivered(self, batch: Batch, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._call(self._fail, error)
            return
        self.acknowledged += 1
        batch.stored += 1
        offset = message.offset()
        if offset is not None and offset >= 0:
            batch.offsets.append((message.partition() or 0, offset))
        if batch.stored == batch.count:
            self._call(_acknowledge, batch)

    def _fail(self, error: KafkaError) -> None:
        self.fail(self._connection.fault(error))

    def _call(self, function: Any, *arguments: Any) -> None:  # noqa: ANN401 - as the loop takes them
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *arguments)


def _acknowledge(batch: Batch) -> None:
    if not batch.acknowledged.done():
        batch.acknowledged.set_result(None)
