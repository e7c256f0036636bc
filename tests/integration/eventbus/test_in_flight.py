"""NATS has a bounded number of messages under way for each partition of a group."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError

from eventbus.nats.connection import NatsConnection
from eventbus.nats.names import STREAM
from eventbus.nats.pull import MAX_IN_FLIGHT, consumer_of
from eventbus.nats.source import NatsSource
from eventbus.routing import partition_of
from kit.eventually import eventually
from tests.support.bus_log import Log
from tests.support.bus_world import GROUP
from tests.support.nats import NatsBroker

EVENTS = 1_000
PARTITION = partition_of("order-1")
CONSUMER = f"{GROUP}-{PARTITION}"


async def test_nats_delivers_no_more_messages_than_may_be_unacknowledged(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(EVENTS)
    async with broker.jetstream() as stream:
        await stream.add_consumer(STREAM, consumer_of(GROUP, PARTITION))
        pulling = await stream.pull_subscribe_bind(CONSUMER, STREAM)
        delivered = list[Msg]()
        while len(delivered) < MAX_IN_FLIGHT:
            delivered += await pulling.fetch(EVENTS, timeout=1)
        with pytest.raises(NatsTimeoutError):
            await pulling.fetch(EVENTS, timeout=0.5)
        assert len(delivered) == MAX_IN_FLIGHT == 400
        assert (await stream.consumer_info(STREAM, CONSUMER)).num_pending == EVENTS - MAX_IN_FLIGHT

        await delivered[0].ack_sync()
        assert len(await pulling.fetch(EVENTS, timeout=1)) == 1


async def test_a_consumer_that_handles_nothing_is_sent_no_more_than_the_limit(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(EVENTS)
    async with (
        aclosing(await NatsConnection.connect(broker.url)) as connection,
        NatsSource(connection, log.pool).deliveries(GROUP) as deliveries,
        broker.jetstream() as stream,
    ):
        batches = aiter(deliveries)
        batch, positions = await anext(batches), list[int]()

        async def unacknowledged() -> int:
            return (await stream.consumer_info(STREAM, CONSUMER)).num_ack_pending or 0

        async def is_full() -> bool:
            return await unacknowledged() == MAX_IN_FLIGHT

        await eventually(is_full)
        most = 0
        while True:
            positions += [message.event().position for message in batch]
            most = max(most, await unacknowledged())
            await deliveries.done(batch)
            if len(positions) == EVENTS:
                break
            batch = await anext(batches)
    assert positions == list(range(1, EVENTS + 1))
    assert most == MAX_IN_FLIGHT
