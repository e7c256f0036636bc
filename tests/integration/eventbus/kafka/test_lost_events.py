"""The relay notices and reports a loss of Kafka, and `republish` fills the topic again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from confluent_kafka.admin import AdminClient

from eventbus.errors import BusUnavailable
from eventbus.kafka.publisher import KafkaPublisher
from eventbus.kafka.topic import TOPIC
from eventbus.record import NAME, BusRecord
from eventstore.checkpoint import Checkpoint
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from tests.support.bus_log import Log
from tests.support.kafka import KafkaBroker
from tests.support.republishing import command, lines_of


async def test_a_deleted_topic_is_created_again_and_the_relay_continues(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.append(3)
    async with kafka_log.relaying():
        await kafka_log.relayed_to(3)
        await kafka.ask(_delete)
        await kafka_log.lacks_to(3)
        await kafka_log.append(2)
        await kafka_log.relayed_to(5)
    await kafka.has([4, 5])


async def test_a_broker_that_comes_back_empty_is_noticed_and_filled_again(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.append(3)
    async with kafka_log.relaying():
        await kafka_log.relayed_to(3)
        await kafka.restart_empty()
        await kafka_log.lacks_to(3)
        await kafka_log.append(1)
        await kafka_log.relayed_to(4)

        assert (await lines_of(kafka_log, 1))[-1] == (
            "4 events published again; the bus has every event that it should have"
        )
        assert await kafka_log.missing_to() is None
    await kafka.has([1, 2, 3, 4, 4])


async def test_the_command_fills_a_broker_that_came_back_empty(
    kafka_log: Log, kafka: KafkaBroker, database_url: str
) -> None:
    await kafka_log.relay_all(3)
    await kafka.restart_empty()
    code, output = await command("2", database_url, kafka.settings)
    assert (code, output.splitlines()) == (
        0,
        [
            "published 2 events, up to position 3 of 3",
            "2 events published again; the bus still lacks the events up to position 1",
        ],
    )
    await kafka.has([2, 3])
    assert await kafka_log.missing_to() == 1

    code, output = await command("0", database_url, kafka.settings)
    assert (code, output.splitlines()[-1]) == (
        0,
        "3 events published again; the bus has every event that it should have",
    )
    await kafka.has([1, 2, 2, 3, 3])
    assert await kafka_log.missing_to() is None


@pytest.mark.parametrize(
    ("first", "address", "says"),
    [
        ("4", None, "position 4 is above the log's last event, 3"),
        ("1", "127.0.0.1:9", "Kafka at 127.0.0.1:9 does not answer: TRANSPORT: "),
        ("1", "", "WAYBILL_KAFKA_BOOTSTRAP is not set"),
    ],
)
async def test_the_command_fails_in_one_line_and_publishes_nothing(
    kafka_log: Log, database_url: str, first: str, address: str | None, says: str
) -> None:
    await kafka_log.relay_all(3)
    changed = {} if address is None else {"WAYBILL_KAFKA_BOOTSTRAP": address}
    code, errors = await command(first, database_url, kafka_log.broker.settings | changed)
    assert code == 1
    assert errors.startswith(f"republish: {says}")
    assert errors.count("\n") == 1
    await kafka_log.broker.has([1, 2, 3])


async def test_a_broker_that_returns_with_all_its_events_has_lost_nothing(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.append(3)
    async with kafka_log.relaying():
        await kafka_log.relayed_to(3)
        await kafka.stop()
        await kafka.start()
        await kafka_log.append(2)
        await kafka_log.relayed_to(5)
        await kafka_log.has_no_fault()
        await has_compared(kafka_log)
        assert await kafka_log.missing_to() is None
    await kafka.has([1, 2, 3, 4, 5])


async def test_an_older_store_is_noticed_by_the_next_relay(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.relay_all(2)
    async with kafka.restored():
        await kafka_log.relay_all(3)
    async with kafka_log.relaying():
        await kafka_log.lacks_to(5)
    await kafka.has([1, 2])


async def test_a_lost_tail_is_noticed_though_other_partitions_have_grown(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    async with (
        aclosing(await KafkaPublisher.connect(kafka.bootstrap)) as publisher,
        kafka_log.pool.acquire() as connection,
    ):
        record = BusRecord(connection, publisher)
        begun = await record.compare()
        async with kafka.restored():
            await kafka_log.append(3)
            published = await publisher.publish(await kafka_log.events())
            checkpoint = await Checkpoint.read(connection, NAME)
            assert await record.advance(checkpoint, 3, published, begun)
            assert record.known.last_sequence == 3
        for number in range(4):
            await kafka.publish_bytes(b"another program's", number, "other")
        assert sum((await kafka.state()).highs) == 4

        assert (await record.compare()).missing_to == 3
        assert (await record.compare()).losses == 1


async def test_an_offset_that_is_given_twice_is_noticed_before_the_checkpoint_advances(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    async with aclosing(await KafkaPublisher.connect(kafka.bootstrap)) as publisher:
        await publisher.holdings()
        async with kafka.restored():
            await kafka_log.append(3)
            assert (await publisher.publish(await kafka_log.events())).first_sequence == 0
        await kafka_log.append(4)
        events = (await kafka_log.events())[3:]
        with pytest.raises(BusUnavailable, match="OUT_OF_ORDER_SEQUENCE_NUMBER"):
            await publisher.publish(events)
        assert (await publisher.publish(events)).first_sequence == 1


async def test_a_fatal_producer_error_makes_a_new_producer_from_the_checkpoint(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.relay_all(1)
    async with kafka_log.relaying():
        async with kafka.restored():
            last = (await kafka_log.append(5))[-1]
            await kafka_log.relayed_to(last)
        await kafka_log.append(2)
        await kafka_log.relayed_to(8)
        await kafka_log.lacks_to(6)
        await kafka_log.has_no_fault()
    await kafka.has([1, 7, 8])


async def test_the_tail_that_a_killed_broker_lost_is_noticed_and_filled_by_republish(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    """Under load it loses the acknowledged messages of its last 40 ms."""
    streams = [f"order-{number}" for number in range(20)]

    async def load() -> None:
        while True:
            for stream_id in streams:
                await kafka_log.append(5, stream_id)

    async with kafka_log.relaying():
        lost_to = None
        while lost_to is None:  # a kill may come right after a write
            loading = asyncio.create_task(load())
            before = await kafka_log.checkpoint() or 0
            await _is_beyond(kafka_log, before + 1_000)
            await kafka.kill()
            loading.cancel()
            await asyncio.wait({loading})
            await kafka.start()
            last = (await kafka_log.append(1))[-1]
            await kafka_log.relayed_to(last)
            await has_compared(kafka_log)
            lost_to = await kafka_log.missing_to()
        kept = {event.position for event in await kafka.events()}
        assert set(range(1, last + 1)) - kept
        assert max(set(range(1, last + 1)) - kept) <= lost_to

        assert (await lines_of(kafka_log, 1))[-1].endswith("every event that it should have")
        assert await kafka_log.missing_to() is None
    events = await kafka.events()
    assert {event.position for event in events} == set(range(1, last + 1))
    assert_republished_in_order(events, last)


def assert_republished_in_order(events: list[StoredEvent], last: int) -> None:
    """The republished events are the last ones of each partition."""
    versions: dict[str, list[int]] = {}
    for event in events:
        versions.setdefault(event.stream_id, []).append(event.version)
    for found in versions.values():
        count = max(found)
        assert found[-count:] == list(range(1, count + 1))
    assert sum(max(found) for found in versions.values()) == last


async def _is_beyond(log: Log, position: int) -> None:
    async def is_beyond() -> bool:
        return (await log.checkpoint() or 0) > position

    await eventually(is_beyond)


def _delete(admin: AdminClient) -> None:
    admin.delete_topics([TOPIC])[TOPIC].result()


async def has_compared(log: Log) -> None:
    """Wait until the relay has asked the bus again after it took the last event."""
    async with log.pool.acquire() as connection:
        await connection.execute("UPDATE eventstore.bus SET removed = 9999999")

    async def is_back() -> bool:
        return bool(await log.value("SELECT removed < 9999999 FROM eventstore.bus"))

    await eventually(is_back)
