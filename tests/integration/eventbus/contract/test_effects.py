"""Every bus lets each effect be made once, and each stream be handled in its order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import cast
from uuid import uuid4

from domain.note.events import OrderNoteAdded
from eventbus.broker_bus import BrokerBus
from eventstore.envelope import NewEvent, StoredEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.errors import Erased
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Connection
from tests.support.bus_log import METADATA
from tests.support.bus_world import GROUP, World, reserved
from tests.support.consuming import Effects, Unacknowledged, versions
from tests.support.keys import a_vault


async def test_each_stream_is_handled_in_its_order_and_each_effect_made_once(world: World) -> None:
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    expected = await world.publish_orders(40, 20)
    await world.has_versions(expected)


async def test_an_effect_is_made_once_though_its_acknowledgement_was_lost(world: World) -> None:
    async with AsyncExitStack() as stack:
        bus = cast("BrokerBus", await world.broker.connect(world.pool))
        if world.broker.settings:
            stack.push_async_callback(bus.close)
        bus._source = Unacknowledged(bus._source)
        handler = Effects(GROUP)
        await bus.subscribe("*.*", handler, group=GROUP)
        await world.publish("order-1", *reserved(3))
        # The first batch is the last one without its acknowledgement, and may be one message.
        await eventually(lambda: versions(world.pool, GROUP), 20)
        await bus.unsubscribe("*.*", handler)
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    await world.publish("order-1", *reserved(2))
    await world.has_effects(5)
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3, 4, 5]}


async def test_messages_that_were_being_handled_when_a_bus_closed_come_again(world: World) -> None:
    async def hang(_: Connection, event: StoredEvent) -> None:
        world.seen.append(event)
        await asyncio.Event().wait()

    bus = await world.broker.connect(world.pool)
    await bus.subscribe("*.*", hang, group=GROUP)
    await world.publish("order-1", *reserved(3))
    await eventually(lambda: len(world.seen) == 1)
    await bus.close()
    assert await versions(world.pool, GROUP) == {}

    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    await world.has_versions({"order-1": [1, 2, 3]})


async def test_a_message_of_the_bus_is_handled_once_however_often_it_is_kept(world: World) -> None:
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    page = await world.publish("order-1", *reserved(3))
    for _ in range(3):
        await world.bus.publish(page)
    await world.publish("order-1", *reserved())
    await world.has_effects(4)
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3, 4]}


async def test_the_number_of_messages_in_flight_is_bounded(world: World) -> None:
    running, most = 0, 0

    async def count(_: Connection, event: StoredEvent) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        world.seen.append(event)

    await world.bus.subscribe("*.*", count, group=GROUP)
    await world.publish_orders(64, 5)
    await eventually(lambda: len(world.seen) == 320, 30)
    assert most <= 4


async def test_personal_data_of_an_erased_customer_stays_unreadable(world: World) -> None:
    vault = a_vault(world.pool)
    opened: list[str] = []

    async def read(_: Connection, event: StoredEvent) -> None:
        try:
            note = await vault.open(cast("OrderNoteAdded", event.decode()))
            opened.append(str(note.text))
        except Erased:
            opened.append("erased")

    store = PostgresEventStore(world.pool, vault=vault)
    note = OrderNoteAdded(order_id="1", customer_id="ada", text="ring twice")
    await store.append([StreamAppend("note-1", [NewEvent(uuid4(), note, METADATA)], ANY)])
    (published,) = await world.publish_log()
    assert "ring twice" not in published.data_json
    await world.bus.subscribe("note.*", read, group="before")
    await eventually(lambda: opened == ["ring twice"], 20)
    await world.pool.execute("DELETE FROM eventstore.subject_key WHERE subject = 'ada'")
    await world.bus.subscribe("note.*", read, group="after")
    await eventually(lambda: opened == ["ring twice", "erased"], 20)
