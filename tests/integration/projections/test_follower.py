"""A following projection shows each event once, whatever happens to the process that leads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.inventory.events import InventoryReserved, StockReceived
from eventstore.checkpoint import CheckpointMoved
from eventstore.postgres import PostgresEventStore
from kit.pool import CONNECTION_LOST, Pool, create_pool
from projections.follower import Leader
from stack.postgres import connected
from tests.integration.projections import following
from tests.integration.projections.following import (
    RECEIPTS,
    append,
    has_followed,
    leading,
    log_replayed,
    position_of,
    received,
    replayed,
    reserved,
    rows,
)

# A sequence keeps its count when the transaction rolls back, so that one write crashes once.
CRASHING = """
    CREATE SEQUENCE public.writes MINVALUE 0;
    SELECT nextval('public.writes');
    CREATE TABLE public.crash (at bigint PRIMARY KEY);
    GRANT USAGE, SELECT ON public.writes TO PUBLIC;
    GRANT SELECT ON public.crash TO PUBLIC;
    CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        this bigint := nextval('public.writes');
    BEGIN
        IF EXISTS (SELECT FROM public.crash WHERE at = this) THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER crash AFTER INSERT OR UPDATE ON readmodel.sku_receipts
        FOR EACH ROW EXECUTE FUNCTION public.crash();
    CREATE TRIGGER crash AFTER INSERT OR UPDATE ON readmodel.order_pieces
        FOR EACH ROW EXECUTE FUNCTION public.crash();
"""
CRASH_SOON = """
    INSERT INTO public.crash SELECT last_value + $1 FROM public.writes ON CONFLICT DO NOTHING
"""
CRASHES = "SELECT count(*) FROM public.crash WHERE at <= (SELECT last_value FROM public.writes)"

SKUS = st.sampled_from(["cup", "pot"])
QUANTITIES = st.integers(1, 9)
EVENTS = st.one_of(
    st.builds(StockReceived, sku=SKUS, quantity=QUANTITIES),
    st.builds(
        InventoryReserved, sku=SKUS, order_id=st.sampled_from(["o-1", "o-2"]), quantity=QUANTITIES
    ),
)


@dataclass(frozen=True)
class Crash:
    """PostgreSQL ends the leader's session at one of its next writes, inside the transaction."""

    writes: int


@dataclass(frozen=True)
class Restart:
    """The leader is cancelled wherever it is, and another process starts."""


@dataclass(frozen=True)
class Pause:
    """The leader takes everything that was appended so far."""


STEPS = st.lists(
    st.one_of(
        st.lists(EVENTS, min_size=1, max_size=4),
        st.builds(Crash, st.integers(1, 3)),
        st.builds(Restart),
        st.builds(Pause),
    ),
    min_size=6,
    max_size=14,
)


@dataclass
class World:
    projecting: Pool
    store: PostgresEventStore
    owner: asyncpg.Connection
    last: int = 0

    async def make(self, steps: list[object]) -> None:
        remaining = iter(steps)
        while not await self._lead(remaining):
            pass

    async def _lead(self, steps: Iterator[object]) -> bool:
        """Lead until a restart is drawn, and return whether all steps are made."""
        async with leading(self.projecting):
            for step in steps:
                match step:
                    case Crash(writes):
                        await self.owner.execute(CRASH_SOON, writes)
                    case Restart():
                        return False
                    case Pause():
                        await has_followed(self.owner, self.last)
                    case list():
                        self.last = await append(self.store, *step)
            await has_followed(self.owner, self.last)
        return True


@pytest.mark.usefixtures("quick_restarts")
def test_any_crashes_and_restarts_give_the_rows_of_one_replay(
    projections_url: str, database_url: str, owner_url: str
) -> None:
    crashes = 0

    async def example(steps: list[object]) -> None:
        nonlocal crashes
        async with (
            await create_pool(projections_url, size=4) as projecting,
            await create_pool(database_url, size=2) as pool,
            connected(owner_url) as owner,
        ):
            world = World(projecting, PostgresEventStore(pool), owner)
            await world.make(steps)
            assert await rows(owner) == await log_replayed(world.store)
            crashes = await owner.fetchval(CRASHES)

    async def create() -> None:
        async with connected(owner_url) as owner:
            await owner.execute(following.CREATE)
            await owner.execute(CRASHING)

    with asyncio.Runner() as runner:
        runner.run(create())

        @settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # shrinking over a real database takes too long
        )
        @given(STEPS)
        def examples(steps: list[object]) -> None:
            runner.run(example(steps))

        examples()
    assert crashes > 10


async def test_a_leader_that_was_overtaken_writes_nothing(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    """Both leaders have read the checkpoint; the second one takes the events first."""
    last = await append(store, *received("cup", 3, 4))
    page = await store.load_all_events()
    async with projecting.acquire() as first, projecting.acquire() as second:
        stale, leader = Leader(first, store, RECEIPTS), Leader(second, store, RECEIPTS)
        await stale.start()
        await leader.start()
        await leader.take(page)

        with pytest.raises(CheckpointMoved):
            await stale.take(page)

    assert await rows(receipts) == replayed(received("cup", 3, 4))
    assert await position_of(receipts) == last


async def test_rows_and_checkpoint_of_a_batch_change_together(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    await append(store, *received("cup", 3), reserved("cup", "o-1", 2))
    await receipts.execute(CRASHING)
    await receipts.execute(CRASH_SOON, 2)  # the first table is written, the second one is not
    async with projecting.acquire() as connection:
        leader = Leader(connection, store, RECEIPTS)
        await leader.start()
        with pytest.raises(CONNECTION_LOST):
            await leader.take(await store.load_all_events())

    assert await receipts.fetchval(CRASHES) == 1
    assert await rows(receipts) == replayed([])
    assert await position_of(receipts) == 0


async def test_a_change_that_depends_on_a_row_sees_the_earlier_events_of_its_batch(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    last = await append(store, *received("cup", 3, 4, 4, 2, 9))
    async with leading(projecting):
        await has_followed(receipts, last)
        last = await append(store, *received("cup", 10))
        await has_followed(receipts, last)

    assert await rows(receipts) == {
        "sku_receipts": [("cup", 32, 6, 10, 3)],
        "order_pieces": [],
    }
