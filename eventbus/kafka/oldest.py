"""Read the oldest message of each partition."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from eventbus.kafka.connection import ANSWER_TIMEOUT
from eventbus.kafka.topic import TOPIC, state_of_topic


def oldest_bodies(admin: AdminClient, config: Mapping[str, Any]) -> list[bytes]:
    """Return the body of the first message of each partition that has one.

    Raises KafkaException.
    """
    state = state_of_topic(admin)
    firsts = {
        partition: low
        for partition, (low, high) in enumerate(zip(state.lows, state.highs, strict=True))
        if low < high
    }
    consumer = Consumer({**config, "group.id": "waybill-oldest", "enable.auto.commit": False})
    try:
        return _read(consumer, firsts)
    finally:
        consumer.close()


def _read(consumer: Consumer, firsts: Mapping[int, int]) -> list[bytes]:
    consumer.assign([TopicPartition(TOPIC, *first) for first in firsts.items()])
    bodies: dict[int, bytes] = {}
    deadline = monotonic() + ANSWER_TIMEOUT.total_seconds()
    while len(bodies) < len(firsts):
        message = consumer.poll(max(0, deadline - monotonic()))
        if message is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        if (error := message.error()) is not None:
            raise KafkaException(error)
        partition = message.partition() or 0
        if partition not in bodies:
            bodies[partition] = message.value() or b""
            consumer.pause([TopicPartition(TOPIC, partition)])
    return list(bodies.values())
