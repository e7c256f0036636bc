"""The example of another team follows the orders on Kafka, with the effect of each event once.

The example ends by Ctrl-C, and so leaves its group. noida-db keeps a killed member for minutes,
where Kafka gives its partitions to others after `session.timeout.ms`.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from confluent_kafka import Message, Producer

from eventbus.kafka.topic import TOPIC
from eventbus.routing import partition_of
from tests.support.bus_log import Log
from tests.support.example_process import as_missed, has_rows, rows, running
from tests.support.kafka import QUIET, KafkaBroker

ORDERS = "SELECT stream, version, type FROM orders ORDER BY stream"
SEEN = "SELECT count(*) FROM seen"
BESIDE = next(
    stream
    for stream in (f"order-{number}" for number in range(2, 1_000))
    if partition_of(stream) == partition_of("order-1")
)
"""An order in the same partition as the first one."""
RESERVED = "waybill.OrderReserved.v1"


async def publish_again(kafka: KafkaBroker, message: Message) -> None:
    """Publish the event again, and one that was lost: a republication is behind newer events."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **QUIET})
    body = message.value() or b""
    for again in (body, as_missed(body)):
        producer.produce(TOPIC, again, key=message.key(), partition=message.partition() or 0)
    assert await asyncio.to_thread(producer.flush, 5) == 0


def following(kafka: KafkaBroker, file: Path) -> AbstractAsyncContextManager[None]:
    return running("follow_kafka.py", kafka.bootstrap, str(file), end_by=signal.SIGINT)


async def test_it_keeps_the_last_event_of_each_order_and_takes_a_repetition_once(
    kafka_log: Log, kafka: KafkaBroker, tmp_path: Path
) -> None:
    file = tmp_path / "orders.db"
    await kafka_log.append(3, "order-1")
    await kafka_log.append(1, "product-1")
    async with kafka_log.relaying():
        await kafka_log.relayed_to((await kafka_log.append(2, BESIDE))[-1])
        async with following(kafka, file):
            await has_rows(file, SEEN, [(5,)])
        first, *_ = [m for m in await kafka.messages() if m.key() == b"order-1"]
        await publish_again(kafka, first)
        await kafka_log.relayed_to((await kafka_log.append(1, BESIDE))[-1])
        async with following(kafka, file):
            await has_rows(file, SEEN, [(7,)])

    assert rows(file, ORDERS) == [("order-1", 3, RESERVED), (BESIDE, 3, RESERVED)]
