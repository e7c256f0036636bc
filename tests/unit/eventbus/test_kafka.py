"""Kafka's settings, the size of its messages, and the ends of its partitions."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message
from confluent_kafka.admin import ListOffsetsResultInfo, OffsetSpec
from pydantic import ValidationError

from eventbus.buses import ADDRESS
from eventbus.errors import BusRefusal, BusUnavailable
from eventbus.headers import MAX_VALUE
from eventbus.kafka.connection import KafkaConnection
from eventbus.kafka.ends import Ends
from eventbus.kafka.messages import (
    MAX_HEADER_BYTES,
    MAX_MESSAGE_BYTES,
    header_bytes,
    headers_of,
)
from eventbus.kafka.producer import Batch, OrderedProducer
from eventbus.kafka.topic import CONFIG, TopicState, offsets
from eventstore.cloudevents import metadata_as_stored
from eventstore.envelope import EventMetadata, StoredEvent
from settings import Bus, Settings, SettingsError

LONGEST_STREAM_ID = f"{'c' * 40}-{'i' * 200}"
KAFKAS_DEFAULT = 1_048_588
NOBODY = "127.0.0.1:9"


def state(*highs: int, generation: str = "one") -> TopicState:
    return TopicState(generation, (0,) * len(highs), highs, CONFIG)


def test_a_bus_on_kafka_needs_its_brokers() -> None:
    settings = Settings(bus=Bus.KAFKA)
    with pytest.raises(SettingsError, match=r"^WAYBILL_KAFKA_BOOTSTRAP is not set: set it$"):
        settings.require(*ADDRESS[settings.bus])


@pytest.mark.parametrize(
    "text",
    ["kafka", "kafka:port", "kafka:9092,", "user:secret@kafka:9092", "kafka://kafka:9092", ":9092"],
)
def test_brokers_that_are_not_host_and_port_are_refused_without_the_value(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(kafka_bootstrap=text)
    assert "must be host:port, or several of them with commas between" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_several_brokers_may_have_spaces_between() -> None:
    settings = Settings(kafka_bootstrap="kafka-1:9092, [::1]:9093")
    assert settings.kafka_bootstrap == "kafka-1:9092,[::1]:9093"


def test_the_longest_headers_are_within_their_limit() -> None:
    metadata = EventMetadata(
        correlation_id="c" * MAX_VALUE,
        actor="a" * MAX_VALUE,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
    )
    longest = StoredEvent(
        position=1,
        stream_id=LONGEST_STREAM_ID,
        version=1,
        event_id=UUID(int=1),
        type="T" * 100,
        schema_version=99_999,
        data_json="{}",
        metadata_json=metadata_as_stored(metadata),
        recorded_at=datetime(2026, 11, 27, tzinfo=UTC),
    )
    assert {"ce_correlationid", "ce_actor", "ce_traceparent"} <= headers_of(longest).keys()
    assert header_bytes(longest) <= MAX_HEADER_BYTES
    assert MAX_MESSAGE_BYTES == 1_002_560
    assert MAX_MESSAGE_BYTES < KAFKAS_DEFAULT


def test_a_partition_that_became_shorter_has_lost_messages_once() -> None:
    ends = Ends()
    assert ends.compare(ends.copy(), state(5, 7)) == 0
    ends.raise_to([(0, 9)])
    assert ends.total == 17
    assert ends.compare(ends.copy(), state(8, 90)) == 2
    assert ends.compare(ends.copy(), state(8, 90)) == 0


def test_messages_that_arrive_while_the_brokers_are_asked_are_no_loss() -> None:
    ends = Ends()
    ends.compare(ends.copy(), state(5))
    asked = ends.copy()
    ends.raise_to([(0, 5), (0, 6)])
    assert ends.compare(asked, state(6)) == 0
    assert ends.total == 7


def test_a_new_topic_begins_with_other_ends() -> None:
    ends = Ends()
    ends.compare(ends.copy(), state(5))
    assert ends.compare(ends.copy(), state(1, generation="two")) == 0
    assert ends.total == 1


def test_an_offset_below_the_known_end_was_given_before() -> None:
    known = Ends(of={0: 5})
    assert known.have([(0, 4)])
    assert not known.have([(0, 5), (1, 0)])


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (KafkaError(KafkaError._TRANSPORT, "gone"), BusUnavailable, "not answer: TRANSPORT: gone"),
        (
            KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no\n  right"),
            BusRefusal,
            "refuses: TOPIC_AUTHORIZATION_FAILED: no right",
        ),
        (
            KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "x", fatal=True),
            BusUnavailable,
            "not answer: it refuses the producer's sequence: OUT_OF_ORDER_SEQUENCE_NUMBER",
        ),
    ],
)
def test_an_error_of_the_client_is_one_line_of_the_bus(
    error: KafkaError, expected: type[Exception], says: str
) -> None:
    connection = KafkaConnection("127.0.0.1:9")
    fault = connection.fault(error)
    connection.close()
    assert type(fault) is expected
    assert str(fault).endswith(says)
    assert "\n" not in str(fault)


@pytest.mark.parametrize("offset", [0, 7])
async def test_a_repetition_that_the_broker_had_stored_has_no_offset_and_is_no_loss(
    offset: int,
) -> None:
    producer = OrderedProducer(KafkaConnection(NOBODY), MAX_MESSAGE_BYTES)
    batch = Batch(2, asyncio.get_running_loop().create_future())
    try:
        producer._delivered(batch, None, Message(topic="t", partition=3, offset=offset))
        producer._delivered(batch, None, Message(topic="t", partition=3, offset=-1001))
        async with asyncio.timeout(5):
            await batch.acknowledged
    finally:
        producer.close()

    assert batch.offsets == [(3, offset)]
    assert not Ends(of={3: offset}).have(batch.offsets)


class HalfAnswered:
    """An admin client whose broker went away after it had named the offset of partition 0."""

    def list_offsets(self, wanted: Any, **_: Any) -> Any:  # noqa: ANN401 - as the library has it
        answers = {}
        for partition in wanted:
            offset = 7 if partition.partition == 0 else OFFSET_INVALID
            answers[partition] = Future[Any]()
            answers[partition].set_result(ListOffsetsResultInfo(offset, 0, 0))
        return answers


async def test_a_partition_without_an_offset_means_that_the_bus_is_away() -> None:
    admin: Any = HalfAnswered()
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    assert offsets(admin, 1, latest) == (7,)
    with pytest.raises(KafkaException) as raised:
        offsets(admin, 2, latest)
    fault = KafkaConnection(NOBODY).fault(raised.value.args[0])
    assert isinstance(fault, BusUnavailable)
