"""On every bus, a message that cannot be handled becomes a dead letter."""

from __future__ import annotations

from itertools import pairwise
from uuid import uuid4

import asyncpg
import pytest

from eventbus import letters
from eventbus.bus import Consumption
from eventbus.dead_letters import DeadLetterGone, DeadLetterWaits, discard, redrive
from eventbus.routing import partition_of
from eventstore.envelope import StoredEvent
from kit.pool import Connection
from tests.support.bus_world import GROUP, Faulty, World, reserved
from tests.support.consuming import Effects, versions


async def test_a_poison_message_becomes_a_letter_and_only_its_key_waits(world: World) -> None:
    handler = Faulty(world, ("order-1", 2))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved(3))
    await world.publish("order-2", *reserved(2))
    await world.has_effects(3)
    await world.has_letter_count(2)
    assert await versions(world.pool, GROUP) == {"order-1": [1], "order-2": [1, 2]}
    (poison, waiting) = await world.letters()
    assert (poison[0], poison[1], poison[3]) == ("order-1", "retrying", "ValueError")
    assert waiting == ("order-1", "waiting", 0, None)

    handler.broken.clear()
    await world.has_letters()
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3], "order-2": [1, 2]}


@pytest.mark.usefixtures("quick_retries")
async def test_a_message_is_dead_after_its_attempts_with_growing_pauses(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved())
    await world.has_letter_count(1)
    await world.publish("order-1", *reserved())
    await world.has_letters(
        ("order-1", "dead", letters.ATTEMPTS, "ValueError"), ("order-1", "waiting", 0, None)
    )
    tries = handler.tried["order-1", 1]
    assert len(tries) == letters.ATTEMPTS
    pauses = [after - before for before, after in pairwise(tries)]
    first = letters.FIRST_PAUSE.total_seconds()
    assert all(pause >= first * 2**n for n, pause in enumerate(pauses))
    row = await world.pool.fetchrow("SELECT * FROM eventstore.dead_letter WHERE state = 'dead'")
    assert row is not None
    assert row["first_failed_at"] < row["last_failed_at"]
    assert row["next_try_at"] is None
    assert row["event_type"] == "OrderReserved"
    assert (await world.store.load_all_events())[0].event_id == row["message_id"]
    assert b'"specversion":"1.0"' in row["body"]
    assert await versions(world.pool, GROUP) == {}


@pytest.mark.usefixtures("quick_retries")
async def test_a_dead_letter_that_is_redriven_frees_its_key(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved(3))
    await world.has_dead_letter()
    handler.broken.clear()
    first, second, _ = await world.pool.fetch("SELECT id FROM eventstore.dead_letter ORDER BY id")
    async with world.pool.acquire() as connection:
        with pytest.raises(DeadLetterWaits):
            await redrive(connection, second["id"], "operator:eve")
        await redrive(connection, first["id"], "operator:eve")
    await world.has_letters()
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3]}
    assert await world.actions() == [(first["id"], "order-1", "redriven", "operator:eve", None)]
    async with world.pool.acquire() as connection:
        with pytest.raises(DeadLetterGone):
            await redrive(connection, first["id"], "operator:eve")
        with pytest.raises(DeadLetterGone):
            await discard(connection, first["id"], "operator:eve", "late")
    assert len(await world.actions()) == 1


@pytest.mark.usefixtures("quick_retries")
async def test_a_letter_that_is_discarded_has_no_effect_and_frees_its_key(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    page = await world.publish("order-1", *reserved(3))
    await world.has_dead_letter()
    letter = await world.pool.fetchval("SELECT min(id) FROM eventstore.dead_letter")
    async with world.pool.acquire() as connection:
        await discard(connection, letter, "operator:eve", "a test order")
    await world.has_letters()
    await world.bus.publish(page)
    await world.publish("order-1", *reserved())
    await world.has_effects(3)
    assert await versions(world.pool, GROUP) == {"order-1": [2, 3, 4]}
    assert await world.actions() == [
        (letter, "order-1", "discarded", "operator:eve", "a test order")
    ]


async def test_a_consumer_may_choose_that_later_messages_do_not_wait(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    unordered = Consumption(ordered=False)
    await world.bus.subscribe("*.*", handler, group=GROUP, consumption=unordered)
    await world.publish("order-1", *reserved(3))
    await world.has_effects(2)
    assert await versions(world.pool, GROUP) == {"order-1": [2, 3]}
    await world.has_letter_count(1)


async def test_a_handler_that_hides_a_failed_statement_has_failed(world: World) -> None:
    async def hide(connection: Connection, _: StoredEvent) -> None:
        try:
            await connection.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            return

    await world.bus.subscribe("*.*", hide, group=GROUP)
    await world.publish("order-1", *reserved())
    await world.has_letter_count(1)
    assert (await world.letters())[0][3] == "InFailedSQLTransactionError (25P02)"


async def test_an_event_that_this_build_cannot_read_becomes_a_letter(world: World) -> None:
    async def decode(_: Connection, event: StoredEvent) -> None:
        event.decode()

    await world.bus.subscribe("*.*", decode, group=GROUP)
    await world.pool.execute("SELECT 1")
    (known,) = await world.publish("order-1", *reserved())
    unknown = StoredEvent(
        position=2,
        stream_id="order-2",
        version=1,
        event_id=uuid4(),
        type="OrderTeleported",
        schema_version=1,
        data_json="{}",
        metadata_json=known.metadata_json,
        recorded_at=known.recorded_at,
    )
    await world.bus.publish([unknown])
    await world.has_letter_count(1)
    ((key, state, _, cause),) = await world.letters()
    assert (key, state) == ("order-2", "retrying")
    assert str(cause).startswith("UnknownEventType: ")


async def test_bytes_that_are_no_event_become_a_letter_and_other_keys_go_on(world: World) -> None:
    if not world.broker.settings:
        return  # the bus in memory holds events, and never bytes
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    partition = partition_of("order-1")
    await world.broker.publish_bytes(b"\xff\x00 no event", partition, "order-1")
    await world.has_letter_count(1)
    await world.publish("order-1", *reserved())
    await world.publish("order-2", *reserved())
    await world.has_letter_count(2)
    await world.has_effects(1)
    assert await versions(world.pool, GROUP) == {"order-2": [1]}
    row = await world.pool.fetchrow("SELECT * FROM eventstore.dead_letter ORDER BY id LIMIT 1")
    assert row is not None
    assert (row["key"], row["body"], row["event_type"]) == ("order-1", b"\xff\x00 no event", None)
    assert row["cause"].startswith("MalformedCloudEvent: ")
