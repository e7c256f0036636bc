"""An event that a following projection cannot take parks its stream, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from domain.inventory.events import InventoryReserved, StockReceived
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Connection, Pool, create_pool
from projections import parking_leader
from projections.change import Step
from projections.follower import Leader
from projections.parked import redrive
from projections.projection import Following
from tests.integration.projections import following
from tests.integration.projections.following import (
    append,
    has_followed,
    leading,
    position_of,
    received,
    replayed,
    reserved,
    rows,
)

PARKED = """
    SELECT position, stream_id, cause, attempts, redrive FROM eventstore.parked_event
    WHERE projection = 'projection.receipts.1' ORDER BY position
"""
AGES = """
    SELECT now() - parked_at < interval '1 minute' AND now() - failed_at < interval '1 minute'
    FROM eventstore.parked_event WHERE cause IS NOT NULL
"""
FAULT = "SELECT fault FROM eventstore.projection WHERE name = 'receipts'"


class Fragile:
    """An `apply` that fails for some quantities, until it is mended."""

    def __init__(self, *poison: int) -> None:
        self.poison = set(poison)

    def __call__(
        self, event: StockReceived | InventoryReserved, stored: StoredEvent
    ) -> Sequence[Step]:
        if event.quantity in self.poison:
            raise LookupError(f"no rule for {event.sku} and {event.quantity} pieces")
        return following.apply(event, stored)

    @property
    def projection(self) -> Following:
        return following.following(self)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking_leader, "PAUSES", (0, 0.01))


@pytest.fixture
async def connection(
    projecting: Pool,
    receipts: asyncpg.Connection,  # noqa: ARG001 - it creates the tables
) -> AsyncIterator[Connection]:
    """Yield the leader's connection; the tables exist."""
    async with projecting.acquire() as connection:
        yield connection


async def a_leader(connection: Connection, store: PostgresEventStore, apply: Fragile) -> Leader:
    leader = Leader(connection, store, apply.projection)
    await leader.start()
    return leader


async def take_all(leader: Leader, store: PostgresEventStore) -> None:
    if page := await store.load_all_events(leader.position):
        await leader.take(page)


async def ask(pool: Pool) -> None:
    """Ask the leader, as an operator does, to take the parked events again."""
    async with pool.acquire() as connection:
        await redrive(connection, "projection.receipts.1")


async def parked(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(PARKED)]


async def test_a_poison_event_parks_its_stream_and_all_others_go_on(
    store: PostgresEventStore, connection: Connection
) -> None:
    await append(
        store, *received("cup", 1), *received("cup", 13), *received("pot", 2), *received("cup", 3)
    )
    leader = await a_leader(connection, store, Fragile(13))
    await take_all(leader, store)
    await append(store, *received("pot", 4), reserved("cup", "o-1", 1), reserved("pot", "o-1", 2))
    await take_all(leader, store)

    expected = [*received("cup", 1), *received("pot", 2, 4), reserved("pot", "o-1", 2)]
    assert await rows(connection) == replayed(expected)
    assert leader.position == 7
    assert await parked(connection) == [
        (2, "inventory-cup", "LookupError", 3, False),
        (4, "inventory-cup", None, 0, False),
        (6, "inventory-cup", None, 0, False),
    ]
    assert [row[0] for row in await connection.fetch(AGES)] == [True]


async def test_a_value_that_postgresql_refuses_parks_its_stream_without_the_value(
    store: PostgresEventStore, connection: Connection
) -> None:
    await append(store, *received("cup", 999_999, 1), *received("pot", 2))
    leader = await a_leader(connection, store, Fragile())
    await take_all(leader, store)

    assert await rows(connection) == replayed([*received("cup", 999_999), *received("pot", 2)])
    assert await parked(connection) == [(2, "inventory-cup", "CheckViolationError", 3, False)]


async def test_redriven_events_are_taken_in_order_and_once(
    store: PostgresEventStore, connection: Connection
) -> None:
    apply = Fragile(13)
    await append(store, *received("cup", 13, 3, 5), *received("pot", 2))
    leader = await a_leader(connection, store, apply)
    await take_all(leader, store)
    apply.poison.clear()
    await leader.redrive()
    assert len(await parked(connection)) == 3  # no operator has asked for it

    assert await redrive(connection, "projection.receipts.1", "inventory-cup") == 3
    await leader.redrive()
    await leader.redrive()
    await append(store, *received("cup", 6))
    await take_all(leader, store)

    assert await parked(connection) == []
    expected = [*received("cup", 13, 3, 5, 6), *received("pot", 2)]
    assert await rows(connection) == replayed(expected)


async def test_a_redrive_that_fails_again_keeps_the_stream_parked(
    store: PostgresEventStore, connection: Connection
) -> None:
    await append(store, *received("cup", 13, 3), *received("pot", 2))
    leader = await a_leader(connection, store, Fragile(13))
    await take_all(leader, store)

    assert await redrive(connection, "projection.receipts.1") == 2
    await leader.redrive()
    await append(store, *received("cup", 4))
    await take_all(leader, store)

    assert await rows(connection) == replayed(received("pot", 2))
    assert await parked(connection) == [
        (1, "inventory-cup", "LookupError", 4, False),
        (2, "inventory-cup", None, 0, False),
        (4, "inventory-cup", None, 0, False),
    ]


async def test_a_redrive_stops_at_the_next_event_that_fails(
    store: PostgresEventStore, connection: Connection
) -> None:
    apply = Fragile(13, 14)
    await append(store, *received("cup", 13, 3, 14, 4))
    leader = await a_leader(connection, store, apply)
    await take_all(leader, store)
    apply.poison.remove(13)
    await redrive(connection, "projection.receipts.1")
    await leader.redrive()

    assert await rows(connection) == replayed(received("cup", 13, 3))
    assert await parked(connection) == [
        (3, "inventory-cup", "LookupError", 1, False),
        (4, "inventory-cup", None, 0, False),
    ]
    assert leader.position == 4


async def test_a_new_leader_takes_parked_events_by_itself(
    store: PostgresEventStore, connection: Connection
) -> None:
    await append(store, *received("cup", 13, 3), *received("pot", 2))
    await take_all(await a_leader(connection, store, Fragile(13)), store)

    await a_leader(connection, store, Fragile(13))
    assert (await parked(connection))[0] == (1, "inventory-cup", "LookupError", 4, False)

    leader = await a_leader(connection, store, Fragile())
    await append(store, *received("cup", 4))
    await take_all(leader, store)
    assert await parked(connection) == []
    expected = [*received("cup", 13, 3, 4), *received("pot", 2)]
    assert await rows(connection) == replayed(expected)


async def test_an_operators_redrive_reaches_the_running_leader(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    apply = Fragile(13)
    async with leading(projecting, apply.projection):
        await has_followed(receipts, await append(store, *received("cup", 13, 3)))
        assert len(await parked(receipts)) == 2
        apply.poison.clear()
        await ask(projecting)

        async def is_empty() -> bool:
            return await parked(receipts) == []

        await eventually(is_empty, 5)
    assert await rows(receipts) == replayed(received("cup", 13, 3))


@pytest.mark.usefixtures("quick_restarts")
async def test_too_many_parked_streams_stop_the_projection_and_are_its_fault(
    store: PostgresEventStore,
    projecting: Pool,
    receipts: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parking_leader, "MAX_PARKED_STREAMS", 2)
    apply = Fragile(13)
    for sku in ("a", "b", "c", "d"):
        await append(store, *received(sku, 13))
    last = await append(store, *received("pot", 1))
    async with leading(projecting, apply.projection):
        await eventually(lambda: receipts.fetchval(FAULT), 10)
        assert await receipts.fetchval(FAULT) == (
            "ProjectionStuck: projection receipts cannot take events of 2 streams: mend the"
            " projection, then redrive them"
        )
        assert await position_of(receipts) == 2
        assert [row[0] for row in await parked(receipts)] == [1, 2]
        assert await rows(receipts) == replayed([])

        apply.poison.clear()
        await has_followed(receipts, last)
        await ask(projecting)

        async def is_mended() -> bool:
            return not await parked(receipts) and await receipts.fetchval(FAULT) is None

        await eventually(is_mended, 5)
    expected = [*(e for sku in "abcd" for e in received(sku, 13)), *received("pot", 1)]
    assert await rows(receipts) == replayed(expected)


async def test_the_fault_of_a_stuck_projection_stays_until_it_takes_events(
    store: PostgresEventStore,
    projecting: Pool,
    receipts: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The projection starts again and again; its fault must not vanish each time."""
    monkeypatch.setattr(parking_leader, "MAX_PARKED_STREAMS", 1)
    await receipts.execute("""
        CREATE TABLE public.faults (fault text);
        GRANT INSERT ON public.faults TO PUBLIC;
        CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.faults VALUES (NEW.fault); RETURN NULL; END $$;
        CREATE TRIGGER note AFTER INSERT OR UPDATE ON eventstore.projection
            FOR EACH ROW EXECUTE FUNCTION public.note();
    """)
    starts = 0

    class Counting(Fragile):
        def __call__(self, event: Any, stored: StoredEvent) -> Sequence[Step]:  # noqa: ANN401 - as above
            nonlocal starts
            starts += event.sku == "b"
            return super().__call__(event, stored)

    await append(store, *received("a", 13), *received("b", 13))
    async with leading(projecting, Counting(13).projection):
        await eventually(lambda: starts > 9, 20)
    faults = [row["fault"] for row in await receipts.fetch("SELECT fault FROM public.faults")]
    assert None not in faults[1:]


@pytest.mark.usefixtures("quick_restarts")
async def test_a_database_that_is_away_parks_nothing(
    store: PostgresEventStore, projections_url: str, receipts: asyncpg.Connection
) -> None:
    """The leader's sessions end while it takes events, as when PostgreSQL restarts."""
    last = 0
    async with await create_pool(projections_url) as projecting, leading(projecting):
        for quantity in range(1, 8):
            last = await append(store, *received("cup", quantity))
            await receipts.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename LIKE '%projections%'"
            )
        await has_followed(receipts, last)

    assert await parked(receipts) == []
    assert await rows(receipts) == replayed(received("cup", *range(1, 8)))
