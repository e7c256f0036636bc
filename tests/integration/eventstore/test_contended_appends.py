"""Appends that block each other, or that PostgreSQL ends, raise only the store's errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from domain.event import Event
from domain.order.events import OrderReserved
from domain.registry import EVENT_TYPES
from eventstore.envelope import AppendResult, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import AppendRolledBack, EventIdReused, InvalidAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import Connection, Pool, create_pool
from tests.integration.eventstore.conftest import METADATA, some_events, to

WAITING = "SELECT pid FROM pg_locks WHERE classid = 7002 AND NOT granted"
LOCKED = "SELECT objid AS key FROM pg_locks WHERE classid = 7002 AND granted AND pid = $1"


class Measured(Event):
    value: Any


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EVENT_TYPES, "Measured", Measured)
        yield


@pytest.fixture(autouse=True)
async def _impatient(owner: asyncpg.Connection) -> None:
    """Let PostgreSQL look for a deadlock after 10 ms rather than a second."""
    await owner.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = 10',"
        " current_database()); END $$"
    )


async def outcomes(*appends: Awaitable[AppendResult]) -> list[AppendResult | BaseException]:
    return list(await asyncio.gather(*appends, return_exceptions=True))


async def decided(store: PostgresEventStore, append: StreamAppend) -> AppendResult:
    """Append as a caller does, who repeats an append that lost too many deadlocks."""
    while True:
        with suppress(AppendRolledBack):
            return await store.append([append])


async def test_the_same_ids_on_two_streams_in_opposite_order_are_reused_ids(
    store: PostgresEventStore,
) -> None:
    for _ in range(20):
        events = some_events(300)
        one, other = f"order-{uuid4()}", f"order-{uuid4()}"

        done = await outcomes(
            store.save_events(one, events, ANY),
            store.save_events(other, events[::-1], ANY),
        )

        assert sorted(type(outcome).__name__ for outcome in done) == [
            "AppendResult",
            "EventIdReused",
        ]
        lengths = [len(await store.load_events(stream)) for stream in (one, other)]
        assert sorted(lengths) == [0, 300]


async def test_concurrent_appends_with_shared_ids_leave_one_append(
    store: PostgresEventStore,
) -> None:
    events = some_events(40)
    appends = [
        StreamAppend(f"order-{n}", [*events[n * 5 :], *events[: n * 5]][:: 1 - 2 * (n % 2)], ANY)
        for n in range(8)
    ]

    done = await outcomes(*(decided(store, append) for append in appends))

    assert [type(outcome) for outcome in done].count(AppendResult) == 1
    assert {type(outcome) for outcome in done} == {AppendResult, EventIdReused}
    assert len(await store.load_all_events()) == 40


async def test_the_loser_of_a_deadlock_appends_again(pool: Pool, owner: asyncpg.Connection) -> None:
    """Two appends change the same two rows of a read model in opposite order."""
    await owner.execute("CREATE TABLE tally (name text PRIMARY KEY, n int)")
    await owner.execute("GRANT SELECT, UPDATE ON tally TO PUBLIC")
    await owner.execute("INSERT INTO tally VALUES ('a', 0), ('b', 0)")
    both = asyncio.Barrier(2)

    def store(*names: str) -> PostgresEventStore:
        return PostgresEventStore(pool, [Tally(names, both)])

    done = await asyncio.gather(
        store("a", "b").append([to("order-1")]), store("b", "a").append([to("order-2")])
    )

    assert [result.versions for result in done] == [(1,), (1,)]
    assert [row["n"] for row in await pool.fetch("SELECT n FROM tally")] == [2, 2]


async def test_appends_lock_the_streams_they_share_in_one_order(
    store: PostgresEventStore, pool: Pool, owner: asyncpg.Connection
) -> None:
    """While one stream is held, an append waits with the same locks whatever order it names."""
    streams = [f"inventory-{number}" for number in range(4)]
    for held in streams:
        locked = []
        for named in (streams, streams[::-1]):
            async with holding(pool, held):
                append = asyncio.create_task(store.append([to(stream) for stream in named]))
                locked.append(await streams_locked_by_the_waiting(owner))
            await append
        assert locked[0] == locked[1]


async def streams_locked_by_the_waiting(observer: asyncpg.Connection) -> set[int]:
    """Wait until an append waits for a stream; return the keys of those that it has locked."""
    async with asyncio.timeout(10):
        while not (waiting := await observer.fetchval(WAITING)):  # noqa: ASYNC110 - nothing wakes it
            await asyncio.sleep(0.005)
    return {row["key"] for row in await observer.fetch(LOCKED, waiting)}


class Tally:
    """An inline projection that locks its rows in the order given, and meets another in between."""

    def __init__(self, names: Sequence[str], both: asyncio.Barrier) -> None:
        self._names = names
        self._both = both
        self._has_met = False

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        for name in self._names:
            await connection.execute("UPDATE tally SET n = n + 1 WHERE name = $1", name)
            if not self._has_met:
                self._has_met = True
                await self._both.wait()
        del events


class Ending:
    """An inline projection that fails in the way its statement does."""

    def __init__(self, statement: str) -> None:
        self._statement = statement

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del events
        await connection.execute(self._statement)


def raising(code: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = 'secret'; END $$"


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)", "57014"),
        (raising("40001"), "40001"),
        (raising("40P01"), "40P01"),
        (raising("55P03"), "55P03"),
        (raising("53200"), "53200"),
        (raising("53100"), "53100"),
        ("SET TRANSACTION READ ONLY; INSERT INTO eventstore.checkpoint VALUES ('x', 1)", "25006"),
    ],
)
async def test_an_append_that_postgresql_rolls_back_raises_and_leaves_nothing(
    pool: Pool, statement: str, cause: str
) -> None:
    events = some_events()

    with pytest.raises(AppendRolledBack, match=cause) as ended:
        await PostgresEventStore(pool, [Ending(statement)]).save_events("order-1", events, ANY)

    assert "secret" not in str(ended.value)
    assert ended.value.stream_ids == ("order-1",)
    again = await PostgresEventStore(pool).save_events("order-1", events, ANY)
    assert (again.versions, again.duplicate) == ((1,), False)


async def test_an_append_that_waits_too_long_for_a_stream_is_rolled_back(
    store: PostgresEventStore, pool: Pool, database_url: str, owner: asyncpg.Connection
) -> None:
    async with holding(pool, "order-1"), await create_pool(database_url) as other:
        await owner.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = 50',"
            " current_database()); END $$"
        )
        with pytest.raises(AppendRolledBack, match="55P03"):
            await PostgresEventStore(other).append([to("order-1")])

    assert await store.load_events("order-1") == []


@asynccontextmanager
async def holding(pool: Pool, stream: str) -> AsyncIterator[None]:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7002, hashtext($1))", stream)
        yield


@pytest.mark.parametrize("count", [1, 2])
async def test_a_value_that_postgresql_cannot_hold_is_an_invalid_append(
    store: PostgresEventStore, count: int
) -> None:
    too_large = Measured(value=10**131_073)
    events = [NewEvent(uuid4(), too_large, METADATA) for _ in range(count)]

    with pytest.raises(InvalidAppend, match="PostgreSQL cannot store these events"):
        await store.save_events("order-1", events, ANY)

    assert await store.load_all_events() == []


async def test_an_unexpected_error_of_a_read_model_is_not_blamed_on_the_events(pool: Pool) -> None:
    store = PostgresEventStore(pool, [Ending("SELECT 1/0")])
    with pytest.raises(Exception, match="division by zero"):
        await store.save_events(
            "order-1", [NewEvent(uuid4(), OrderReserved(order_id="o"), METADATA)], ANY
        )
