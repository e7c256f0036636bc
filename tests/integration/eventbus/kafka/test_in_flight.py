"""A consumer of Kafka keeps a bounded number of messages of each partition."""

from __future__ import annotations

from eventbus.kafka.connection import KafkaConnection
from eventbus.kafka.held import MAX_BATCH, MAX_KEPT, Batch
from eventbus.kafka.source import KafkaSource
from eventbus.routing import partition_of
from kit.eventually import eventually
from tests.support.bus_log import Log
from tests.support.bus_world import GROUP
from tests.support.kafka import KafkaBroker

EVENTS = 5_000


async def test_a_consumer_that_handles_nothing_takes_no_more_than_the_limit(
    kafka_log: Log, kafka: KafkaBroker
) -> None:
    await kafka_log.relay_all(EVENTS)
    connection = await KafkaConnection.connect(kafka.bootstrap)
    async with KafkaSource(connection).deliveries(GROUP) as deliveries:
        batches = aiter(deliveries)
        batch = await anext(batches)
        assert isinstance(batch, Batch)
        held = batch.held
        assert len(batch) <= MAX_BATCH
        await eventually(lambda: held.is_paused)
        added = held._added
        assert MAX_KEPT <= added - held._taken <= MAX_KEPT + MAX_BATCH

        await kafka_log.append(1, "order-2")
        assert partition_of("order-2") != held.number
        async with kafka_log.relaying():
            other = await anext(batches)  # the consumer goes on with other partitions
        assert [message.key for message in other] == ["order-2"]
        assert held._added == added

        positions, most = list[int](), added - held._taken
        while True:
            positions += [message.event().position for message in batch]
            await deliveries.done(batch)
            if len(positions) == EVENTS:
                break
            batch = await anext(batches)
            most = max(most, held._added - held._taken)
    connection.close()
    assert positions == list(range(1, EVENTS + 1))
    assert most <= MAX_KEPT + MAX_BATCH
