"""Kafka gets the log: each event once, each stream in order, in the required topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from eventbus.bus import Published
from eventbus.errors import BusUnavailable, EventTooLarge
from eventbus.kafka.publisher import KafkaPublisher
from eventbus.kafka.topic import TOPIC
from eventbus.routing import partition_of
from eventstore.cloudevents import decode, encode
from tests.support.bus_log import Log
from tests.support.kafka import KafkaBroker

NOTHING_LISTENS = "127.0.0.1:9"


@pytest.fixture
async def publisher(kafka: KafkaBroker) -> AsyncIterator[KafkaPublisher]:
    async with aclosing(await KafkaPublisher.connect(kafka.bootstrap)) as publisher:
        yield publisher


async def test_an_event_arrives_in_its_stored_form_under_the_key_of_its_stream(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.relay_all(2)
    stored = await kafka_log.events()
    messages = await kafka.messages()
    assert [decode(message.value() or b"") for message in messages] == stored
    assert [(m.key(), m.partition(), m.offset()) for m in messages] == [
        (b"order-1", partition_of("order-1"), 0),
        (b"order-1", partition_of("order-1"), 1),
    ]
    assert [message.headers() for message in messages] == [
        [
            ("content-type", b"application/cloudevents+json"),
            ("ce_type", b"waybill.OrderReserved.v1"),
            ("ce_id", str(event.event_id).encode()),
            ("ce_subject", b"order-1"),
            ("ce_correlationid", b"test"),
        ]
        for event in stored
    ]


async def test_each_stream_keeps_its_order_when_calls_overlap(
    kafka_log: Log, kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    for number in range(600):
        await kafka_log.append(1, f"order-{number % 20}")
    events = await kafka_log.events()
    await publisher.holdings()
    await asyncio.gather(*(publisher.publish(events[at : at + 50]) for at in range(0, 600, 50)))

    arrived = await kafka.events()
    assert sorted(event.position for event in arrived) == list(range(1, 601))
    for number in range(20):
        versions = [event.version for event in arrived if event.stream_id == f"order-{number}"]
        assert versions == list(range(1, 31))


async def test_the_topic_is_created_as_it_is_required(
    kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    holdings = await publisher.holdings()
    assert (holdings.first_sequence, holdings.last_sequence, holdings.removed) == (1, 0, 0)
    assert holdings.difference is None
    state = await kafka.state()
    assert len(state.highs) == 16
    assert {name: state.config[name] for name in ("cleanup.policy", "retention.ms")} == {
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
    }


async def test_a_topic_with_other_settings_is_reported_and_still_filled(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    config = {"retention.ms": "3600000", "max.message.bytes": "70000"}
    await create(kafka, NewTopic(TOPIC, 20, 1, config=config))
    await kafka_log.append(2)
    async with kafka_log.relaying():
        await kafka_log.relayed_to(2)
        assert await kafka_log.has_fault("set up otherwise") == (
            "topic waybill.events is set up otherwise: retention.ms is 3600000, not 604800000,"
            " it has 20 partitions, not 16, max.message.bytes is 70000, below the 1002560 needed"
        )
    await kafka.has([1, 2])


async def test_the_partitions_that_a_topic_lacks_are_added(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await create(kafka, NewTopic(TOPIC, 1, 1))
    await kafka_log.relay_all(1)
    assert len((await kafka.state()).highs) == 16


async def test_an_event_that_the_topic_does_not_take_is_refused_before_any_is_published(
    kafka_log: Log, kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    await create(kafka, NewTopic(TOPIC, 16, 1, config={"max.message.bytes": "70000"}))
    await kafka_log.append(1)
    await kafka_log.append(1, text="x" * 80_000)
    small, large = await kafka_log.events()
    await publisher.holdings()
    with pytest.raises(EventTooLarge) as refused:
        await publisher.publish([small, large])
    assert (refused.value.position, refused.value.limit) == (2, 70_000)
    assert len(encode(large)) < refused.value.size < len(encode(large)) + 1_000
    assert await kafka.messages() == []


async def test_nothing_is_published_for_no_events(publisher: KafkaPublisher) -> None:
    assert await publisher.publish([]) == Published(0, 0)


async def test_a_message_of_another_program_has_no_position(
    kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    await publisher.holdings()
    assert await publisher.oldest_position() is None
    await kafka.publish_bytes(b"no event", 3, "other")
    assert await publisher.oldest_position() is None


async def test_a_broker_that_is_away_is_reported_within_seconds() -> None:
    began = monotonic()
    with pytest.raises(BusUnavailable) as away:
        await KafkaPublisher.connect(NOTHING_LISTENS)
    assert monotonic() - began < 4
    assert str(away.value) == (
        "Kafka at 127.0.0.1:9 does not answer: TRANSPORT: Failed to get metadata: "
        "Local: Broker transport failure"
    )


async def test_events_fail_within_seconds_when_the_broker_goes_and_later_succeed(
    kafka_log: Log, kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    await kafka_log.append(3)
    events = await kafka_log.events()
    await publisher.holdings()
    await publisher.publish(events[:1])
    await kafka.stop()
    began = monotonic()
    first = asyncio.create_task(publisher.publish(events[1:2]))
    second = asyncio.create_task(publisher.publish(events[2:]))
    for task in (first, second):
        with pytest.raises(BusUnavailable, match="no acknowledgement within 5 s"):
            await task
    assert 5 <= monotonic() - began < 7

    await kafka.start()
    await publisher.publish(events[1:])
    assert [event.position for event in await kafka.events()] == [1, 2, 3]


async def test_nothing_is_published_while_a_call_has_failed_and_not_returned(
    kafka_log: Log, kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    await kafka_log.append(3)
    events = await kafka_log.events()
    await publisher.holdings()
    await publisher.publish(events[:1])
    await kafka.stop()
    failing = asyncio.create_task(publisher.publish(events[1:2]))
    await asyncio.sleep(0)
    assert publisher._producer is not None
    publisher._producer.fail(BusUnavailable("the connection is cut"))
    with pytest.raises(BusUnavailable, match="the connection is cut"):
        await publisher.publish(events[2:])
    with pytest.raises(BusUnavailable, match="the connection is cut"):
        await failing

    await kafka.start()
    await publisher.publish(events[1:])
    assert [event.position for event in await kafka.events()] == [1, 2, 3]


async def test_a_closed_publisher_fails_what_is_under_way(
    kafka_log: Log, kafka: KafkaBroker, publisher: KafkaPublisher
) -> None:
    await kafka_log.append(1)
    await publisher.holdings()
    await kafka.stop()
    publishing = asyncio.create_task(publisher.publish(await kafka_log.events()))
    await asyncio.sleep(0)
    began = monotonic()
    await publisher.aclose()
    with pytest.raises(BusUnavailable, match="the bus is closed"):
        await publishing
    assert monotonic() - began < 1


async def create(kafka: KafkaBroker, topic: NewTopic) -> None:
    def created(admin: AdminClient) -> None:
        admin.create_topics([topic])[TOPIC].result()

    await kafka.ask(created)
