"""A reader of few events passes the others in windows, and a timeout does not set it back."""

from __future__ import annotations

from typing import Final

import asyncpg
import pytest

from eventstore import scan
from eventstore.envelope import EventFilter, StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.scan import Scan
from kit.pool import Pool
from tests.integration.eventstore.conftest import some_events, to
from tests.integration.eventstore.test_follow import followed

FAR: Final = 30_000
RARE: Final = EventFilter(types=["OrderConfirmed"])
APPEND_RARE: Final = """
    SELECT position FROM eventstore.append_event(
        'order-rare', -1, gen_random_uuid(), 'OrderConfirmed', 1::smallint,
        '{"order_id": "rare"}', '{"correlation_id": "test"}')
"""
# Imitate a timeout: each time, a statement over more than this many positions is cancelled.
CUT: Final = """
    ALTER FUNCTION eventstore.filtered_events RENAME TO uncut;
    CREATE FUNCTION eventstore.filtered_events(
        p_after bigint, p_until bigint, p_limit bigint, p_types text[], p_categories text[])
    RETURNS SETOF eventstore.event LANGUAGE plpgsql AS $$
    BEGIN
        IF p_until - p_after > {most} THEN
            {cut};
        END IF;
        RETURN QUERY SELECT * FROM eventstore.uncut(
            p_after, p_until, p_limit, p_types, p_categories);
    END $$;
    GRANT EXECUTE ON FUNCTION eventstore.filtered_events TO PUBLIC
"""
CUTS: Final = {
    "statement_timeout": "RAISE EXCEPTION USING ERRCODE = '57014', MESSAGE = 'timeout'",
    "transaction_timeout": "PERFORM pg_terminate_backend(pg_backend_pid())",
}


async def with_a_rare_event_at_each_end(
    store: PostgresEventStore, owner: asyncpg.Connection
) -> list[int]:
    """Build a log whose first and last events are of a rare type; return their positions."""
    first = await owner.fetchval(APPEND_RARE)
    # An unused position takes as long to pass as an event, in this test.
    await owner.execute("SELECT setval('eventstore.event_position', $1)", FAR)
    await store.append([to("order-1", 5)])
    return [first, await owner.fetchval(APPEND_RARE)]


@pytest.fixture(params=CUTS)
async def cut(request: pytest.FixtureRequest, owner: asyncpg.Connection) -> None:
    await owner.execute(CUT.format(most=2_000, cut=CUTS[request.param]))


@pytest.mark.usefixtures("cut")
async def test_a_read_that_times_out_continues_with_smaller_pages(
    store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    rare = await with_a_rare_event_at_each_end(store, owner)

    events = await store.load_all_events(types=RARE.types)

    assert [event.position for event in events] == rare


@pytest.mark.usefixtures("cut")
async def test_a_follower_passes_what_a_time_out_cuts(
    store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    rare = await with_a_rare_event_at_each_end(store, owner)

    assert await followed(store, after=0, count=2, types=RARE.types) == rare


async def test_events_before_a_timeout_are_not_read_again(
    store: PostgresEventStore,
    pool: Pool,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await with_a_rare_event_at_each_end(store, owner)
    await owner.execute(CUT.format(most=2_000, cut=CUTS["statement_timeout"]))
    monkeypatch.setattr(scan, "MAX_WINDOW", 8_000)
    asked: list[tuple[int, int]] = []

    async def load(statement: str, after: int, until: int, *more: object) -> list[StoredEvent]:
        asked.append((after, until))
        rows = await pool.fetch(statement, after, until, *more)
        return [StoredEvent(*row) for row in rows]

    reading, seen = Scan(load), 0
    while seen < FAR:
        _, seen = await reading.next(seen, FAR, 10, RARE)

    assert asked[:5] == [(0, 8_000), (0, 1_000), (1_000, 3_000), (3_000, 7_000), (3_000, 4_000)]
    afters = [after for after, _ in asked]
    assert afters == sorted(afters)


async def test_a_read_that_times_out_at_the_smallest_page_fails(
    store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    await with_a_rare_event_at_each_end(store, owner)
    await owner.execute(CUT.format(most=100, cut=CUTS["statement_timeout"]))

    with pytest.raises(asyncpg.QueryCanceledError):
        await store.load_all_events(types=RARE.types)


async def test_a_limit_counts_over_all_windows(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_WINDOW", 3)
    store = PostgresEventStore(store._pool)
    for n in range(10):
        await store.append([to(f"order-{n}"), to(f"inventory-{n}")])

    for limit, expected in ((1, [1]), (4, [1, 3, 5, 7]), (99, list(range(1, 20, 2)))):
        events = await store.load_all_events(0, limit, categories=["order"])
        assert [event.position for event in events] == expected
    after_nine = await store.load_all_events(9, 2, categories=["order"], types=["OrderReserved"])
    assert [event.position for event in after_nine] == [11, 13]
    assert await store.load_all_events(0, 9, types=[]) == []
    assert await store.load_all_events(0, 0, types=["OrderReserved"]) == []


async def test_a_follower_of_rare_events_gets_the_event_behind_many_windows(
    store: PostgresEventStore, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_WINDOW", 2)
    store = PostgresEventStore(pool)
    await store.save_events("order-1", some_events(9), 0)
    await store.append([to("inventory-1")])

    assert await followed(store, after=0, count=1, categories=["inventory"]) == [10]
