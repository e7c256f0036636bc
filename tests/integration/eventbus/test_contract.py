"""Every bus keeps the same promises to its consumers."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import cast
from uuid import uuid4

import asyncpg
import pytest

from domain.event import Event
from domain.note.events import OrderNoteAdded
from domain.order.events import OrderConfirmed, OrderReserved
from domain.payment.events import PaymentVoided
from eventbus import letters
from eventbus.broker_bus import BrokerBus
from eventbus.bus import Consumption, EventBus
from eventbus.dead_letters import DeadLetterGone, DeadLetterWaits, discard, redrive
from eventbus.routing import BadSubscription, partition_of
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.errors import Erased
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Connection, Pool
from tests.integration.eventbus.conftest import METADATA
from tests.support.buses import BUSES, SHARED, BusUnderTest
from tests.support.consuming import CREATE, Effects, Unacknowledged, versions
from tests.support.consuming_processes import ConsumingProcess, consuming
from tests.support.keys import a_vault

GROUP = "tests"


@dataclass
class World:
    """A log, and a bus to which its events are published."""

    pool: Pool
    bus: EventBus
    broker: BusUnderTest
    published: int = 0
    seen: list[StoredEvent] = field(default_factory=list)

    @property
    def store(self) -> PostgresEventStore:
        return PostgresEventStore(self.pool)

    async def publish(
        self, stream_id: str, *events: Event, metadata: EventMetadata = METADATA
    ) -> Sequence[StoredEvent]:
        """Append the events and publish what is new in the log."""
        new = [NewEvent(uuid4(), event, metadata) for event in events]
        await self.store.append([StreamAppend(stream_id, new, ANY)])
        return await self.publish_log()

    async def publish_log(self) -> Sequence[StoredEvent]:
        page = await self.store.load_all_events(self.published, 10_000)
        self.published = page[-1].position
        await self.bus.publish(page)
        return page

    async def publish_orders(self, orders: int, events: int) -> dict[str, list[int]]:
        """Publish events of many streams, mixed; return the versions that each stream then has."""
        streams = [f"order-{number}" for number in range(orders)]
        for _ in range(events):
            new = [NewEvent(uuid4(), OrderReserved(order_id=s), METADATA) for s in streams]
            appends = [StreamAppend(s, [n], ANY) for s, n in zip(streams, new, strict=True)]
            await self.store.append(appends)
        await self.publish_log()
        return {stream: list(range(1, events + 1)) for stream in streams}

    async def see(self, _: Connection, event: StoredEvent) -> None:
        """A handler without an effect."""
        self.seen.append(event)

    async def sees(self, *positions: int) -> None:
        """Wait until exactly these events were handled, in any order."""
        await eventually(lambda: sorted(e.position for e in self.seen) == sorted(positions), 20)

    async def letters(self) -> list[tuple[object, ...]]:
        rows = await self.pool.fetch(
            "SELECT key, state, attempts, cause FROM eventstore.dead_letter ORDER BY id"
        )
        return [tuple(row) for row in rows]

    async def has_letters(self, *expected: tuple[object, ...]) -> None:
        async def are_there() -> bool:
            return await self.letters() == list(expected)

        try:
            await eventually(are_there, 20)
        except TimeoutError:
            assert await self.letters() == list(expected)


@pytest.fixture(params=list(BUSES))
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BusUnderTest]:
    async with (BUSES | SHARED)[request.param](tmp_path) as broker:
        yield broker


@pytest.fixture
async def world(
    broker: BusUnderTest, pool: Pool, owner: asyncpg.Connection
) -> AsyncIterator[World]:
    await owner.execute(CREATE)
    bus = await broker.connect(pool)
    yield World(pool, bus, broker)
    await bus.close()


@pytest.fixture
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "FIRST_PAUSE", letters.FIRST_PAUSE / 50)


def reserved(count: int = 1) -> list[Event]:
    return [OrderReserved(order_id="o-1") for _ in range(count)]


class Faulty:
    """A handler that fails while an event of these streams and versions is broken."""

    def __init__(self, world: World, *broken: tuple[str, int]) -> None:
        self._world = world
        self.broken = set(broken)
        self.tried: dict[tuple[str, int], list[float]] = defaultdict(list)

    async def __call__(self, connection: Connection, event: StoredEvent) -> None:
        place = event.stream_id, event.version
        self.tried[place].append(monotonic())
        await Effects(GROUP)(connection, event)
        if place in self.broken:
            raise ValueError("a secret of the customer")
        await self._world.see(connection, event)


async def test_each_stream_is_handled_in_its_order_and_each_effect_made_once(world: World) -> None:
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    expected = await world.publish_orders(40, 20)

    async def is_done() -> bool:
        return await versions(world.pool, GROUP) == expected

    await eventually(is_done, 30)


async def test_a_new_group_begins_with_the_oldest_message(world: World) -> None:
    await world.publish("order-1", *reserved(3))
    await world.bus.subscribe("*.*", world.see, group=GROUP)
    await world.sees(1, 2, 3)


async def test_each_group_gets_every_event(world: World) -> None:
    for group in ("one", "two"):
        await world.bus.subscribe("*.*", Effects(group), group=group)
    expected = await world.publish_orders(5, 3)

    async def are_done() -> bool:
        return [await versions(world.pool, group) for group in ("one", "two")] == [expected] * 2

    await eventually(are_done, 30)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.*", [1, 2, 3]),
        ("order.*", [1, 2]),
        ("order.OrderConfirmed", [2]),
        ("*.OrderConfirmed", [2]),
        ("OrderConfirmed", [2]),
        ("payment.*", [3]),
        ("payment.OrderConfirmed", []),
    ],
)
async def test_a_pattern_chooses_events_by_category_and_type(
    world: World, pattern: str, expected: list[int]
) -> None:
    await world.bus.subscribe(pattern, world.see, group=GROUP)
    await world.publish("order-1", OrderReserved(order_id="1"), OrderConfirmed(order_id="1"))
    await world.publish("payment-1", PaymentVoided(order_id="1", attempt=1))
    await world.bus.subscribe("*.*", Effects("all"), group="all")
    await world.sees(*expected)
    await eventually(lambda: _has_effects(world.pool, "all", 3), 20)
    await world.sees(*expected)


async def _has_effects(pool: Pool, group: str, count: int) -> bool:
    found = await versions(pool, group)
    return sum(map(len, found.values())) == count


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"actor": "operator:eve"}, [2]),
        ({"correlationid": "c-1"}, [1, 2]),
        ({"subject": "order-2"}, [2]),
        ({"type": "waybill.OrderReserved.v1", "correlationid": "c-1"}, [1, 2]),
        ({"actor": "operator:nobody"}, []),
        ({"traceparent": "x"}, []),
    ],
)
async def test_filters_choose_events_by_their_headers(
    world: World, filters: dict[str, str], expected: list[int]
) -> None:
    await world.bus.subscribe("order.*", world.see, group=GROUP, filters=filters)
    by_system = EventMetadata(correlation_id="c-1", actor="system")
    by_eve = EventMetadata(correlation_id="c-1", actor="operator:eve")
    await world.publish("order-1", *reserved(), metadata=by_system)
    await world.publish("order-2", *reserved(), metadata=by_eve)
    await world.publish("order-3", *reserved())
    await world.bus.subscribe("*.*", Effects("all"), group="all")
    await eventually(lambda: _has_effects(world.pool, "all", 3), 20)
    await world.sees(*expected)


@pytest.mark.parametrize(
    ("pattern", "group", "filters", "says"),
    [
        ("order", GROUP, None, "'order' is no type of event"),
        ("orders.*", GROUP, None, "'orders' is no category of events"),
        ("order.OrderLost", GROUP, None, "'OrderLost' is no type of event"),
        ("order.>", GROUP, None, "'order.>' is no pattern"),
        ("*.*", GROUP, {"priority": "1"}, "no header 'priority' can be filtered by"),
        ("*.*", "My Group", None, "'My Group' is no name of a group"),
        ("*.*", "taken", None, "group taken has a subscription in this process already"),
    ],
)
async def test_a_subscription_that_cannot_match_is_refused_and_changes_nothing(
    world: World, pattern: str, group: str, filters: dict[str, str] | None, says: str
) -> None:
    await world.bus.subscribe("order.*", world.see, group="taken")
    with pytest.raises(BadSubscription, match="^" + says.replace("*", r"\*")):
        await world.bus.subscribe(pattern, Effects(GROUP), group=group, filters=filters)
    await world.publish("order-1", *reserved())
    await world.sees(1)
    assert await versions(world.pool, GROUP) == {}


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
    await eventually(lambda: _has_effects(world.pool, GROUP, 5), 20)
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3, 4, 5]}


async def test_a_message_of_the_bus_is_handled_once_however_often_it_is_kept(world: World) -> None:
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    page = await world.publish("order-1", *reserved(3))
    for _ in range(3):
        await world.bus.publish(page)
    await world.publish("order-1", *reserved())
    await eventually(lambda: _has_effects(world.pool, GROUP, 4), 20)
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3, 4]}


async def test_a_poison_message_becomes_a_letter_and_only_its_key_waits(world: World) -> None:
    handler = Faulty(world, ("order-1", 2))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved(3))
    await world.publish("order-2", *reserved(2))
    await eventually(lambda: _has_effects(world.pool, GROUP, 3), 20)
    await eventually(lambda: _has_letters(world, 2), 20)
    assert await versions(world.pool, GROUP) == {"order-1": [1], "order-2": [1, 2]}
    (poison, waiting) = await world.letters()
    assert (poison[0], poison[1], poison[3]) == ("order-1", "retrying", "ValueError")
    assert waiting == ("order-1", "waiting", 0, None)

    handler.broken.clear()
    await world.has_letters()
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3], "order-2": [1, 2]}


async def _has_letters(world: World, count: int) -> bool:
    return len(await world.letters()) == count


@pytest.mark.usefixtures("_quick_retries")
async def test_a_message_is_dead_after_its_attempts_with_growing_pauses(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved())
    await eventually(lambda: _has_letters(world, 1), 20)
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


@pytest.mark.usefixtures("_quick_retries")
async def test_a_dead_letter_that_is_redriven_frees_its_key(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    await world.publish("order-1", *reserved(3))
    await eventually(lambda: _is_dead(world), 20)
    handler.broken.clear()
    first, second, _ = await world.pool.fetch("SELECT id FROM eventstore.dead_letter ORDER BY id")
    async with world.pool.acquire() as connection:
        with pytest.raises(DeadLetterWaits):
            await redrive(connection, second["id"], "operator:eve")
        await redrive(connection, first["id"], "operator:eve")
    await world.has_letters()
    assert await versions(world.pool, GROUP) == {"order-1": [1, 2, 3]}
    assert await actions(world.pool) == [(first["id"], "order-1", "redriven", "operator:eve", None)]
    async with world.pool.acquire() as connection:
        with pytest.raises(DeadLetterGone):
            await redrive(connection, first["id"], "operator:eve")
        with pytest.raises(DeadLetterGone):
            await discard(connection, first["id"], "operator:eve", "late")
    assert len(await actions(world.pool)) == 1


@pytest.mark.usefixtures("_quick_retries")
async def test_a_letter_that_is_discarded_has_no_effect_and_frees_its_key(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    await world.bus.subscribe("*.*", handler, group=GROUP)
    page = await world.publish("order-1", *reserved(3))
    await eventually(lambda: _is_dead(world), 20)
    letter = await world.pool.fetchval("SELECT min(id) FROM eventstore.dead_letter")
    async with world.pool.acquire() as connection:
        await discard(connection, letter, "operator:eve", "a test order")
    await world.has_letters()
    await world.bus.publish(page)
    await world.publish("order-1", *reserved())
    await eventually(lambda: _has_effects(world.pool, GROUP, 3), 20)
    assert await versions(world.pool, GROUP) == {"order-1": [2, 3, 4]}
    assert await actions(world.pool) == [
        (letter, "order-1", "discarded", "operator:eve", "a test order")
    ]


async def _is_dead(world: World) -> bool:
    return any(letter[1] == "dead" for letter in await world.letters())


async def actions(pool: Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch(
        "SELECT letter_id, key, action, actor, reason FROM eventstore.dead_letter_action"
        " ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def test_a_consumer_may_choose_that_later_messages_do_not_wait(world: World) -> None:
    handler = Faulty(world, ("order-1", 1))
    unordered = Consumption(ordered=False)
    await world.bus.subscribe("*.*", handler, group=GROUP, consumption=unordered)
    await world.publish("order-1", *reserved(3))
    await eventually(lambda: _has_effects(world.pool, GROUP, 2), 20)
    assert await versions(world.pool, GROUP) == {"order-1": [2, 3]}
    await eventually(lambda: _has_letters(world, 1), 20)


async def test_a_handler_that_hides_a_failed_statement_has_failed(world: World) -> None:
    async def hide(connection: Connection, _: StoredEvent) -> None:
        try:
            await connection.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            return

    await world.bus.subscribe("*.*", hide, group=GROUP)
    await world.publish("order-1", *reserved())
    await eventually(lambda: _has_letters(world, 1), 20)
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
    await eventually(lambda: _has_letters(world, 1), 20)
    ((key, state, _, cause),) = await world.letters()
    assert (key, state) == ("order-2", "retrying")
    assert str(cause).startswith("UnknownEventType: ")


async def test_bytes_that_are_no_event_become_a_letter_and_other_keys_go_on(world: World) -> None:
    if not world.broker.settings:
        return  # the bus in memory holds events, and never bytes
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    partition = partition_of("order-1")
    await world.broker.publish_bytes(b"\xff\x00 no event", partition, "order-1")
    await eventually(lambda: _has_letters(world, 1), 20)
    await world.publish("order-1", *reserved())
    await world.publish("order-2", *reserved())
    await eventually(lambda: _has_letters(world, 2), 20)
    await eventually(lambda: _has_effects(world.pool, GROUP, 1), 20)
    assert await versions(world.pool, GROUP) == {"order-2": [1]}
    row = await world.pool.fetchrow("SELECT * FROM eventstore.dead_letter ORDER BY id LIMIT 1")
    assert row is not None
    assert (row["key"], row["body"], row["event_type"]) == ("order-1", b"\xff\x00 no event", None)
    assert row["cause"].startswith("MalformedCloudEvent: ")


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


async def test_an_unsubscribed_group_keeps_its_place(world: World) -> None:
    await world.bus.subscribe("*.*", world.see, group=GROUP)
    await world.publish("order-1", *reserved(2))
    await world.sees(1, 2)
    with pytest.raises(BadSubscription):
        await world.bus.unsubscribe("order.*", world.see)
    await world.bus.unsubscribe("*.*", world.see)
    await world.publish("order-1", *reserved(2))
    assert len(world.seen) == 2
    await world.bus.subscribe("*.*", world.see, group=GROUP)
    await world.sees(1, 2, 3, 4)


async def test_a_closed_bus_handles_nothing_more_and_ends_within_a_second(world: World) -> None:
    forever = asyncio.Event()

    async def hang(_: Connection, event: StoredEvent) -> None:
        world.seen.append(event)
        await forever.wait()

    bus = await world.broker.connect(world.pool)
    await bus.subscribe("*.*", hang, group=GROUP)
    await world.publish("order-1", *reserved(2))
    await eventually(lambda: len(world.seen) == 1, 20)
    started = monotonic()
    await bus.close()
    assert monotonic() - started < 2
    await world.publish("order-1", *reserved(2))
    assert len(world.seen) == 1
    assert await world.letters() == []
    assert await world.pool.fetchval("SELECT count(*) FROM eventstore.consumed_event") == 0


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


@asynccontextmanager
async def processes(
    world: World, database_url: str, folder: Path, count: int, **settings: str
) -> AsyncIterator[list[ConsumingProcess]]:
    async with AsyncExitStack() as stack:
        environment = {**world.broker.settings, "WAYBILL_DATABASE_URL": database_url, **settings}
        started = [
            await stack.enter_async_context(consuming(GROUP, environment, folder / f"{n}.log"))
            for n in range(count)
        ]
        yield started


shared = pytest.mark.parametrize("broker", SHARED, indirect=True)


@shared
async def test_a_process_killed_between_effect_and_acknowledgement_repeats_no_effect(
    world: World, database_url: str, tmp_path: Path
) -> None:
    expected = await world.publish_orders(20, 4)
    async with processes(world, database_url, tmp_path, 1, KEEPS_ACKNOWLEDGEMENTS="1") as (first,):
        await eventually(lambda: _has_effects_of(world.pool, first, 1), 30)
        first.send(signal.SIGKILL)
    before = await world.pool.fetchval("SELECT count(*) FROM effects.effect")
    assert before > 0
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)

    async def is_done() -> bool:
        return await versions(world.pool, GROUP) == expected

    await eventually(is_done, 30)


async def _has_effects_of(pool: Pool, process: ConsumingProcess, least: int) -> bool:
    count = await pool.fetchval(
        "SELECT count(*) FROM effects.effect WHERE process = $1", process.pid
    )
    return bool(count >= least)


@shared
async def test_processes_of_a_group_share_the_work_and_take_over_from_a_killed_one(
    world: World, database_url: str, tmp_path: Path
) -> None:
    async with processes(world, database_url, tmp_path, 2) as (first, second):
        rounds = 0

        async def both_work() -> bool:
            nonlocal rounds
            rounds += 1
            await world.publish_orders(32, 1)
            return await _has_effects_of(world.pool, first, 1) and await _has_effects_of(
                world.pool, second, 1
            )

        await eventually(both_work, 40, every=0.3)
        first.send(signal.SIGKILL)
        await world.publish_orders(32, 5)
        rounds += 5
        expected = {f"order-{n}": list(range(1, rounds + 1)) for n in range(32)}

        async def is_done() -> bool:
            return await versions(world.pool, GROUP) == expected

        await eventually(is_done, 30)
