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
from tests.integration.eventbus.kafka.conftest import KafkaLog
from tests.support.example_process import has_rows, rows, running
from tests.support.kafka import QUIET, KafkaBroker

ORDERS = "SELECT stream, version, type FROM orders ORDER BY stream"
SEEN = "SELECT count(*) FROM seen"
RESERVED = "waybill.OrderReserved.v1"


async def publish_again(kafka: KafkaBroker, messages: list[Message]) -> None:
    """Publish messages a second time, as a republication does: behind newer ones."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **QUIET})
    for message in messages:
        producer.produce(
            TOPIC, message.value(), key=message.key(), partition=message.partition() or 0
        )
    assert await asyncio.to_thread(producer.flush, 5) == 0


def following(kafka: KafkaBroker, file: Path) -> AbstractAsyncContextManager[None]:
    return running("follow_kafka.py", kafka.bootstrap, str(file), end_by=signal.SIGINT)


async def test_it_keeps_the_last_event_of_each_order_and_takes_a_repetition_once(
    kafka_log: KafkaLog, kafka: KafkaBroker, tmp_path: Path
) -> None:
    file = tmp_path / "orders.db"
    await kafka_log.append(3, "order-1")
    await kafka_log.append(1, "product-1")
    async with kafka_log.relaying():
        await kafka_log.relayed_to((await kafka_log.append(2, "order-2"))[-1])
        async with following(kafka, file):
            await has_rows(file, SEEN, [(5,)])
        of_order_1 = [m for m in await kafka.messages() if m.key() == b"order-1"]
        await publish_again(kafka, of_order_1[:2])
        await kafka_log.relayed_to((await kafka_log.append(1, "order-1"))[-1])
        await publish_again(kafka, of_order_1[:1])
        await kafka_log.relayed_to((await kafka_log.append(1, "order-1"))[-1])
        async with following(kafka, file):
            await has_rows(file, SEEN, [(7,)])

    assert rows(file, ORDERS) == [("order-1", 5, RESERVED), ("order-2", 2, RESERVED)]
