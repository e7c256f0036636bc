"""The bus gets the log: each event once, each stream in order, through every fault."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from nats.js.api import DiscardPolicy

from domain.order.events import OrderConfirmed
from eventbus.bus import Published
from eventbus.nats.names import STREAM
from eventbus.nats.publisher import NatsPublisher
from eventbus.nats.stream import CONFIG
from eventbus.record import NAME, BusRecord
from eventbus.routing import partition_of
from eventstore.checkpoint import Checkpoint
from eventstore.cloudevents import decode
from eventstore.envelope import NewEvent, StoredEvent, StreamAppend
from eventstore.versions import ANY
from kit.eventually import eventually
from stack.processes import ROOT
from tests.support.bus_log import METADATA, Log
from tests.support.nats import NatsBroker

LEADERS = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 7004
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_an_event_arrives_in_its_stored_form_under_its_own_id(
    log: Log, broker: NatsBroker
) -> None:
    await log.relay_all(3)
    messages = await broker.messages()
    stored = await log.events()
    arrived = [decode(message.data) for message in messages]
    assert [(event.position, event.data, event.metadata) for event in arrived] == [
        (event.position, event.data, event.metadata) for event in stored
    ]
    assert [(message.subject, message.headers) for message in messages] == [
        (
            f"waybill.events.{partition_of('order-1')}.order.OrderReserved",
            {
                "Nats-Msg-Id": str(event.event_id),
                "Content-Type": "application/cloudevents+json",
                "Nats-Expected-Stream": "WAYBILL",
                "ce-type": "waybill.OrderReserved.v1",
                "ce-id": str(event.event_id),
                "ce-subject": "order-1",
                "ce-correlationid": "test",
            },
        )
        for event in stored
    ]


async def test_a_page_that_fails_half_way_is_repeated_and_kept_once(
    log: Log, broker: NatsBroker
) -> None:
    full = replace(CONFIG, max_msgs=2, discard=DiscardPolicy.NEW)
    async with broker.jetstream() as stream:
        await stream.add_stream(full)
        await log.append(5)
        async with log.relaying():
            fault = await log.has_fault("refuses")
            assert fault == "stream WAYBILL of NATS refuses: maximum messages exceeded"
            assert await broker.positions() == [1, 2]
            assert await log.checkpoint() == 0

            await stream.update_stream(replace(CONFIG, discard=DiscardPolicy.NEW))
            await broker.has([1, 2, 3, 4, 5])
            await log.relayed_to(5)
            await log.has_no_fault()


async def test_orders_are_accepted_without_the_bus_and_arrive_later(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(1)
    async with log.relaying():
        await log.relayed_to(1)
        await broker.kill()
        await log.append(2)
        await log.has_fault(f"NATS at 127.0.0.1:{broker.ports.nats_port} does not answer")
        await log.append(2)
        assert await log.checkpoint() == 1

        await broker.start()
        await broker.has([1, 2, 3, 4, 5])
        await log.has_no_fault()


async def test_one_of_two_relays_leads_and_the_other_takes_over(
    log: Log, broker: NatsBroker
) -> None:
    async with log.relaying() as first:
        await log.append(50)
        await log.relayed_to(50)
        async with log.relaying() as second:
            await log.append(50)
            await log.relayed_to(100)
            assert await log.value(LEADERS) == 1
            first.cancel()
            await log.append(50)
            await log.relayed_to(150)
            assert not second.done()
    assert await broker.positions() == list(range(1, 151))


class OvertakenBus:
    """A bus during whose first page another relay publishes the same events and records them."""

    def __init__(self, bus: NatsPublisher, log: Log) -> None:
        self._bus = bus
        self._log = log
        self._is_overtaken = False
        self.require_room = bus.require_room
        self.holdings = bus.holdings
        self.oldest_position = bus.oldest_position
        self.aclose = bus.aclose

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        published = await self._bus.publish(events)
        if not self._is_overtaken:
            self._is_overtaken = True
            await self._log.append(3)
            async with self._log.pool.acquire() as connection:
                record = BusRecord(connection, self._bus)
                known = await record.compare()
                again = await self._bus.publish(await self._log.events())
                checkpoint = await Checkpoint.read(connection, NAME)
                assert await record.advance(checkpoint, 5, again, known)
        return published


async def test_a_relay_that_another_has_overtaken_does_not_set_the_checkpoint_back(
    log: Log, broker: NatsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    await log.append(2)
    async with (
        aclosing(await NatsPublisher.connect(broker.url)) as bus,
        log.relaying_to(OvertakenBus(bus, log)),
    ):
        await eventually(lambda: "relaying the log: " in caplog.text)
        assert "checkpoint relay is no longer at position 0" in caplog.text
        assert await log.checkpoint() == 5
        assert await log.fault() is None
        await log.append(1)
        await log.relayed_to(6)
    assert await broker.positions() == [1, 2, 3, 4, 5, 6]
    assert await log.missing_to() is None


@asynccontextmanager
async def worker(
    database_url: str, broker: NatsBroker
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process that only relays."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "worker.py", "--roles", "relay"),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "WAYBILL_DATA_DIR": os.devnull,
            "WAYBILL_DATABASE_URL": database_url,
            "WAYBILL_NATS_URL": broker.url,
            "WAYBILL_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_successor_of_a_killed_relay_loses_nothing(
    log: Log, broker: NatsBroker, database_url: str
) -> None:
    async with worker(database_url, broker) as first:
        await log.append(1)
        await log.relayed_to(1)
        async with log.pool.acquire() as connection, connection.transaction():
            # What the relay publishes from here on, it cannot record.
            await connection.execute("SELECT FROM eventstore.bus FOR UPDATE")
            await log.append(2_999)
            await eventually(lambda: _keeps_more_than(broker, 1))
            first.kill()
            await first.wait()
    assert await log.checkpoint() == 1
    await log.append(10)
    async with worker(database_url, broker) as second:
        await log.relayed_to(3_010)
        second.terminate()
        async with asyncio.timeout(3):
            assert await second.wait() == 0
    assert await broker.positions() == list(range(1, 3_011))


async def _keeps_more_than(broker: NatsBroker, messages: int) -> bool:
    async with broker.jetstream() as stream:
        return (await stream.stream_info(STREAM)).state.messages > messages


async def test_each_stream_arrives_in_its_order_though_pages_are_published_at_once(
    log: Log, broker: NatsBroker
) -> None:
    for _ in range(40):
        for number in range(10):
            await log.append(1, f"order-{number}")
    async with log.relaying():
        await log.relayed_to(400)
    arrived = [decode(message.data) for message in await broker.messages()]
    assert sorted(event.position for event in arrived) == list(range(1, 401))
    for number in range(10):
        versions = [event.version for event in arrived if event.stream_id == f"order-{number}"]
        assert versions == list(range(1, 41))


async def test_an_event_that_is_refused_holds_back_those_behind_it_in_its_stream(
    log: Log, broker: NatsBroker
) -> None:
    one_of_a_type = replace(
        CONFIG, max_msgs_per_subject=1, discard=DiscardPolicy.NEW, discard_new_per_subject=True
    )
    async with broker.jetstream() as stream:
        await stream.add_stream(one_of_a_type)
        await log.append(2)
        confirmed = NewEvent(uuid4(), OrderConfirmed(order_id="o-1"), METADATA)
        await log.store.append([StreamAppend("order-1", [confirmed], ANY)])
        async with log.relaying():
            await log.has_fault("refuses")
            assert await broker.positions() == [1]

            await stream.update_stream(CONFIG)
            await broker.has([1, 2, 3])


@pytest.mark.parametrize("keeps", ["WAYBILL", "OTHER"])
async def test_only_the_stream_of_that_name_may_acknowledge(
    log: Log, broker: NatsBroker, keeps: str
) -> None:
    async with broker.jetstream() as stream:
        await stream.add_stream(replace(CONFIG, name=keeps))
        await log.append(2)
        async with log.relaying():
            if keeps == STREAM:
                await log.relayed_to(2)
            else:
                assert await log.has_fault("overlap") == (
                    "stream WAYBILL of NATS refuses: subjects overlap with an existing stream"
                )
                assert await log.checkpoint() == 0
