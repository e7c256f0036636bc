"""The relay notices and reports a loss of the bus, and continues from its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta

import asyncpg
import pytest
from nats.js.api import StreamConfig

from eventbus.bus import Published
from eventbus.nats.names import STREAM, SUBJECTS
from eventbus.nats.publisher import NatsPublisher
from eventbus.nats.stream import CONFIG
from eventbus.record import NAME, BusRecord
from eventstore.checkpoint import Checkpoint
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker


async def test_a_deleted_stream_is_created_again_and_the_relay_continues(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(3)
    async with log.relaying():
        await broker.has([1, 2, 3])
        async with broker.jetstream() as stream:
            await stream.delete_stream(STREAM)
        await log.append(2)
        await broker.has([4, 5])

        await log.lacks_to(3)
        assert await log.checkpoint() == 5
        await log.has_no_fault()
    assert await broker.positions() == [4, 5]


async def test_a_stream_that_is_deleted_while_nothing_happens_is_noticed(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        async with broker.jetstream() as stream:
            await stream.delete_stream(STREAM)
        await log.lacks_to(3)
    assert await broker.positions() == []


async def test_a_bus_that_comes_back_empty_is_noticed(log: Log, broker: NatsBroker) -> None:
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        await broker.restart_empty()
        await log.append(2)
        await broker.has([4, 5])
        await log.lacks_to(3)


async def test_a_loss_while_no_relay_runs_is_noticed(log: Log, broker: NatsBroker) -> None:
    await log.relay_all(3)
    await broker.restart_empty()
    async with log.relaying():
        await log.lacks_to(3)


async def test_a_bus_that_returns_with_all_its_events_has_lost_nothing(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        await broker.kill()
        await broker.start()
        await log.append(2)
        await broker.has([1, 2, 3, 4, 5])
        await _has_compared(log)
        assert await log.missing_to() is None


@pytest.mark.parametrize("relays_in_between", [True, False])
async def test_a_stream_that_was_created_again_is_noticed(
    log: Log, broker: NatsBroker, relays_in_between: bool
) -> None:
    await log.relay_all(3)
    async with broker.jetstream() as stream:
        await stream.delete_stream(STREAM)
        await stream.add_stream(CONFIG)
    if relays_in_between:
        await log.append(2)
    async with log.relaying():
        await log.lacks_to(3)


async def test_a_purged_stream_is_noticed(log: Log, broker: NatsBroker) -> None:
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        async with broker.jetstream() as stream:
            await stream.purge_stream(STREAM)
        await log.append(1)
        await log.lacks_to(3)
        await broker.has([4])


async def test_a_purge_that_leaves_the_newest_is_noticed(log: Log, broker: NatsBroker) -> None:
    await log.append(5)
    async with log.relaying():
        await log.relayed_to(5)
        async with broker.jetstream() as stream:
            await stream.purge_stream(STREAM, keep=2)
        await log.lacks_to(3)


async def test_a_message_that_is_deleted_within_is_noticed(log: Log, broker: NatsBroker) -> None:
    await log.append(5)
    async with log.relaying():
        await log.relayed_to(5)
        async with broker.jetstream() as stream:
            await stream.delete_msg(STREAM, 3)
        await log.lacks_to(5)


async def test_a_store_restored_to_an_older_state_is_noticed(log: Log, broker: NatsBroker) -> None:
    await log.relay_all(2)
    async with broker.restored():
        await log.relay_all(3)
    async with log.relaying():
        await log.lacks_to(5)
    assert await broker.positions() == [1, 2]


async def test_an_older_store_is_noticed_though_newer_events_have_filled_it_up(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(2)
    async with log.pool.acquire() as connection:
        async with broker.restored():
            await log.relay_all(3)
            async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
                record = BusRecord(connection, bus)
                await record.compare()
        last = (await log.append(3))[-1]
        async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
            published = await bus.publish((await log.events())[5:])
        checkpoint = await Checkpoint.read(connection, NAME)
        assert await record.advance(checkpoint, last, published, record.known)
    assert await log.missing_to() == 5
    assert await broker.positions() == [1, 2, 6, 7, 8]


async def test_events_dropped_by_age_are_not_lost(log: Log, broker: NatsBroker) -> None:
    config = StreamConfig(name=STREAM, subjects=[f"{SUBJECTS}.>"], max_age=1, duplicate_window=1)
    async with broker.jetstream() as stream:
        await stream.add_stream(config)
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        await broker.has([])
        await log.append(2)
        await broker.has([4, 5])
        await broker.has([])
        await _has_compared(log)
        assert await log.missing_to() is None


async def test_a_loss_is_over_once_age_would_have_dropped_the_events(
    log: Log, broker: NatsBroker, owner: asyncpg.Connection
) -> None:
    await log.relay_all(3)
    await broker.restart_empty()
    async with log.relaying():
        await log.lacks_to(3)
        await owner.execute(
            "UPDATE eventstore.event SET recorded_at = recorded_at - $1::interval",
            timedelta(days=7),
        )
        await log.lacks_to(None)


async def test_a_new_log_and_a_new_bus_lack_nothing(log: Log, broker: NatsBroker) -> None:
    async with log.relaying():
        await log.append(1)
        await broker.has([1])
        await _has_compared(log)
        assert await log.missing_to() is None


class LosingBus:
    """A bus that loses everything right after the first page; another process notices first."""

    def __init__(self, bus: NatsPublisher, broker: NatsBroker, log: Log) -> None:
        self._bus = bus
        self._broker = broker
        self._log = log
        self._has_lost = False
        self.require_room = bus.require_room
        self.holdings = bus.holdings
        self.oldest_position = bus.oldest_position
        self.aclose = bus.aclose

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        published = await self._bus.publish(events)
        if not self._has_lost:
            self._has_lost = True
            async with self._broker.jetstream() as stream:
                await stream.delete_stream(STREAM)
            async with self._log.pool.acquire() as connection:
                await BusRecord(connection, self._bus).compare()
        return published


async def test_a_page_that_is_lost_before_the_checkpoint_advances_is_published_again(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(1)
    await log.append(2)
    async with (
        aclosing(await NatsPublisher.connect(broker.url)) as bus,
        log.relaying_to(LosingBus(bus, broker, log)),
    ):
        await log.relayed_to(3)
        await log.append(1)
        await log.relayed_to(4)

    assert await broker.positions() == [2, 3, 4]
    assert await log.missing_to() == 1


async def test_a_message_of_another_program_has_no_position(broker: NatsBroker) -> None:
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await bus.holdings()
        assert await bus.oldest_position() is None
        async with broker.jetstream() as stream:
            await stream.publish("waybill.events.other", b"no event")
        assert await bus.oldest_position() is None


async def _has_compared(log: Log) -> None:
    """Wait until the relay has asked the bus again after it took the last event."""
    async with log.pool.acquire() as connection:
        await connection.execute("UPDATE eventstore.bus SET removed = 99")

    async def is_back() -> bool:
        return bool(await log.value("SELECT removed = 0 FROM eventstore.bus"))

    await eventually(is_back)
