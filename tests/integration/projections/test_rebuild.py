"""A projection is rebuilt from the log while appends go on, and can be rolled back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest

from domain.customer.commands import EraseCustomer, ErasureReason
from domain.inventory.commands import ReceiveStock
from domain.inventory.events import StockReceived
from domain.note.commands import AddOrderNote
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.leadership import LeadLost
from kit.pool import Connection, Pool
from projections.change import Change, Given, Row, Step, insert, upsert
from projections.projection import Inline, Projection
from projections.rebuild import catching_up, filling, procedure, swapping
from projections.rebuild.errors import (
    BeingRebuilt,
    CopyDiffers,
    EventNotTaken,
    EventsParked,
    NothingRetired,
    OtherVersion,
)
from projections.rebuild.filling import Filling
from projections.rebuild.procedure import drop_retired, rebuild, rebuilding, roll_back
from projections.rebuild.swapping import live_version
from projections.registry import INLINE, projection_named
from tests.integration.projections import following
from tests.integration.projections.following import (
    RECEIPTS,
    append,
    follow_to,
    log_replayed,
    received,
    reserved,
    rows,
)
from tests.integration.projections.log import Log
from tests.integration.projections.rebuilds import (
    append_everything,
    appending,
    assert_agrees,
    rebuilt,
    request,
    unseen,
)

INVENTORY = projection_named("inventory")
NOTES = projection_named("notes")
NOTE = AddOrderNote(aggregate_id="o-1", customer_id="ada", text="Zaphkiel Quist called")
ERASE = EraseCustomer(aggregate_id="ada", reason=ErasureReason.CUSTOMER_REQUEST)
RECORD = """
    SELECT state, fault, events, version FROM eventstore.projection_rebuild WHERE name = $1
"""
FINISHED_BY_ANOTHER = """
    WITH rebuild AS (UPDATE eventstore.projection_rebuild SET state = 'done')
    UPDATE eventstore.projection SET retired_position = retired_position + 1
"""
OID = "SELECT 'readmodel.inventory_view'::regclass::oid"
OPEN_APPEND = """
    SELECT position FROM eventstore.append_event(
        'inventory-slow', -1, gen_random_uuid(), 'StockReceived', 1::smallint,
        '{"sku": "slow", "quantity": 5}', '{"correlation_id": "test"}')
"""
OPEN_ROW = "INSERT INTO readmodel.inventory_view (sku, received, position) VALUES ('slow', 5, $1)"


async def recorded(log: Log) -> tuple[Any, ...]:
    row = await log.owner.fetchrow(RECORD, "inventory")
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("projection", INLINE, ids=lambda p: p.name)
async def test_a_rebuilt_projection_has_the_rows_of_its_events(
    log: Log, projecting: Pool, projection: Inline
) -> None:
    await append_everything(log)
    async with appending(log) as taken:
        assert await rebuilt(projecting, projection) > 0
    assert taken
    await append_everything(log)
    await assert_agrees(projecting)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 8])
async def test_a_rebuild_ends_at_every_edge_of_a_page(
    log: Log, projecting: Pool, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Seven events fill one page, or the last one ends at a stream's end; see marten #4721."""
    monkeypatch.setattr(filling, "EVENTS_AT_ONCE", at_once)
    monkeypatch.setattr(catching_up, "EVENTS_AT_ONCE", at_once)
    monkeypatch.setattr(procedure, "NEAR", 1)
    for sku, count in (("a", 1), ("b", 4), ("c", 2)):
        await log.append_each(*[ReceiveStock(aggregate_id=sku, quantity=1)] * count)

    assert await rebuilt(projecting, INVENTORY) == 7
    await assert_agrees(projecting)

    await log.append_each(*[ReceiveStock(aggregate_id="b", quantity=1)] * 3)
    await roll_back(projecting, INVENTORY)
    await assert_agrees(projecting)


@pytest.mark.parametrize("at_once", [1, 2, 3, 6, 7])
async def test_a_following_projection_is_rebuilt_at_every_edge_of_a_page(
    store: PostgresEventStore,
    projecting: Pool,
    receipts: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr(catching_up, "EVENTS_AT_ONCE", at_once)
    monkeypatch.setattr(procedure, "NEAR", 1)
    last = await append(store, *received("cup", 3, 4, 2, 5), *received("pot", 1))
    last = await append(store, reserved("cup", "o-1", 2))
    await follow_to(projecting, receipts, last)

    assert await rebuilt(projecting, RECEIPTS) == 6
    assert await rows(receipts) == await log_replayed(store)


async def test_a_following_projection_is_rebuilt_only_as_far_as_it_has_followed(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    await follow_to(projecting, receipts, await append(store, *received("cup", 3, 4)))
    last = await append(store, *received("cup", 5))

    assert await rebuilt(projecting, RECEIPTS) == 2
    assert await rows(receipts) == following.replayed(received("cup", 3, 4))
    await follow_to(projecting, receipts, last)
    assert await rows(receipts) == await log_replayed(store)

    last = await append(store, *received("cup", 6))
    await follow_to(projecting, receipts, last)
    await roll_back(projecting, RECEIPTS)
    assert await rows(receipts) == await log_replayed(store)


async def test_a_rebuild_of_a_later_version_of_a_following_projection_is_verified(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    """A new version has tables of its own, so the live ones are always of its version."""
    second = following.following(version=2)
    last = await append(store, *received("cup", 3, 4))
    await follow_to(projecting, receipts, last, second)
    await receipts.execute("UPDATE readmodel.sku_receipts SET pieces = 8")
    with pytest.raises(CopyDiffers):
        await rebuilt(projecting, second)

    await rebuilt(projecting, second, accept=True)
    await roll_back(projecting, second)
    async with projecting.acquire() as connection:
        assert await live_version(connection, second) == 2


async def test_a_following_projection_with_parked_events_is_not_rebuilt(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection
) -> None:
    """The copy would lack them, also after the leader has taken them into the live tables."""
    last = await append(store, *received("cup", 999_999, 1), *received("pot", 2))
    await follow_to(projecting, receipts, last)
    before = await rows(receipts)
    with pytest.raises(EventsParked, match=r"^receipts has parked events, 1 of them"):
        await rebuilt(projecting, RECEIPTS)
    assert await rows(receipts) == before

    await receipts.execute(
        "ALTER TABLE readmodel.sku_receipts DROP CONSTRAINT sku_receipts_pieces_check"
    )
    last = await append(store, *received("pot", 3))
    await follow_to(projecting, receipts, last)
    assert await receipts.fetch("SELECT FROM eventstore.parked_event") == []
    await rebuilt(projecting, RECEIPTS)
    assert await rows(receipts) == await log_replayed(store)


async def test_a_stale_process_copies_no_streams_again(
    log: Log, projecting: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last page comes after its successor has copied the same streams."""
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=3))
    await request(projecting, INVENTORY)
    fill = Filling._copy

    async def overtaken(self: Filling, connection: Connection, *page: Any) -> object:  # noqa: ANN401 - passed on
        await log.owner.execute("UPDATE eventstore.rebuild_range SET done = last")
        return await fill(self, connection, *page)

    with monkeypatch.context() as patched:
        patched.setattr(Filling, "_copy", overtaken)
        with pytest.raises(LeadLost):
            await rebuild(projecting, INVENTORY, unseen)
    assert await log.owner.fetchval("SELECT count(*) FROM rebuild.inventory_view") == 0


@pytest.mark.parametrize("act", [rebuilt, roll_back])
async def test_a_stale_process_swaps_nothing(
    log: Log,
    projecting: Pool,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Pool, Projection], Awaitable[object]],
) -> None:
    """It is about to swap when its successor has done so."""
    await log.append(ReceiveStock(aggregate_id="cup", quantity=3))
    await rebuilt(projecting, INVENTORY)
    before = await log.owner.fetchval(OID)
    swap = swapping.swap

    async def overtaken(*arguments: Any) -> None:  # noqa: ANN401 - passed on
        await log.owner.execute(FINISHED_BY_ANOTHER)
        await swap(*arguments)

    monkeypatch.setattr(swapping, "swap", overtaken)
    with pytest.raises(LeadLost):
        await act(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) == before


async def test_an_event_that_cannot_be_projected_ends_the_filling_and_is_named(
    log: Log, projecting: Pool
) -> None:
    await log.append_each(*[ReceiveStock(aggregate_id="cup", quantity=n) for n in (1, 2)])
    positions = await log.owner.fetch("SELECT position FROM eventstore.event ORDER BY 1")
    table = INVENTORY.tables[0]
    each_inserts = replace(INVENTORY, apply=lambda e, _: [insert(table, e.sku, received=1)])

    named = f"^StockReceived at position {positions[-1][0]} cannot be projected: RowExists; mend"
    with pytest.raises(EventNotTaken, match=named) as error:
        await rebuilt(projecting, each_inserts)
    record = await log.owner.fetchrow(RECORD, "inventory")
    assert record is not None
    assert (record["state"], record["fault"]) == ("failed", str(error.value))
    await assert_agrees(projecting)


@pytest.mark.parametrize("cause", ["ZeroDivisionError", "CheckViolationError"])
async def test_an_event_that_cannot_be_projected_ends_the_catching_up_and_is_named(
    store: PostgresEventStore, projecting: Pool, receipts: asyncpg.Connection, cause: str
) -> None:
    """The row that it depends on, or PostgreSQL, shows its fault only with the whole page."""
    last = await append(store, *received("pot", 1), *received("cup", 7), *received("can", 1))
    await follow_to(projecting, receipts, last)
    before = await rows(receipts)

    def fails(sku: str, _: Row | None) -> Sequence[Change]:
        if sku != "cup":
            return []
        if cause == "ZeroDivisionError":
            raise ZeroDivisionError
        return [upsert(following.sku_receipts, sku, pieces=1_000_000)]

    def apply(event: StockReceived, _: StoredEvent) -> Sequence[Step]:
        return [Given(following.sku_receipts, (event.sku,), partial(fails, event.sku))]

    named = f"^StockReceived at position {last - 1} cannot be projected: {cause}; mend"
    with pytest.raises(EventNotTaken, match=named):
        await rebuilt(projecting, following.following(apply))
    assert await rows(receipts) == before


async def test_a_rebuild_that_is_interrupted_is_resumed_without_a_row_twice(
    log: Log, projecting: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "EVENTS_AT_ONCE", 3)
    await append_everything(log)
    await log.append_each(*[ReceiveStock(aggregate_id="long", quantity=1)] * 9)
    await request(projecting, INVENTORY)
    take, pages = Filling._page, 0

    async def interrupted(*arguments: object) -> object:
        nonlocal pages
        pages += 1
        if pages in {3, 9, 14, 22, 31}:
            raise ConnectionError("cut off")
        return await take(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Filling, "_page", interrupted)
    interruptions = events = 0
    while not events:
        try:
            events = await rebuild(projecting, INVENTORY, unseen)
        except ConnectionError:
            interruptions += 1

    assert interruptions > 1
    assert events == await log.owner.fetchval(
        "SELECT count(*) FROM eventstore.event WHERE stream_id LIKE 'inventory-%'"
    )
    await assert_agrees(projecting)


async def test_a_copy_that_differs_is_refused_and_replaces_the_tables_if_accepted(
    log: Log, projecting: Pool
) -> None:
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=3))
    await log.owner.execute("UPDATE readmodel.inventory_view SET received = 4")
    before = await log.owner.fetchval(OID)

    with pytest.raises(CopyDiffers, match=r"inventory_view differs .*1 rows are live, 1 in the"):
        await rebuilt(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) == before
    assert await log.owner.fetchval("SELECT received FROM readmodel.inventory_view") == 4
    state, fault, *_ = await recorded(log)
    assert (state, fault.split(" (")[0]) == (
        "failed",
        "the new copy of inventory_view differs from the live table",
    )

    await rebuilt(projecting, INVENTORY, accept=True)
    await assert_agrees(projecting)
    assert await recorded(log) == ("done", None, 1, 1)


async def test_a_rollback_shows_the_events_since_the_swap(log: Log, projecting: Pool) -> None:
    await append_everything(log)
    before = await log.owner.fetchval(OID)
    await rebuilt(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) != before
    async with appending(log):
        await append_everything(log)
        await roll_back(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) == before
    await assert_agrees(projecting)

    await roll_back(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) != before
    await assert_agrees(projecting)


async def test_a_rollback_is_right_for_events_in_flight_across_the_swap(
    log: Log, projecting: Pool
) -> None:
    """An append stays open across the swap, and those above it are committed before."""
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=1))
    slow = await log.store._pool.borrow()
    transaction = slow.transaction()
    await transaction.start()
    position = await slow.fetchval(OPEN_APPEND)
    await log.append_each(*[ReceiveStock(aggregate_id="cup", quantity=2)] * 3)
    assert await log.store.safe_head() == 1

    await rebuilt(projecting, INVENTORY)
    above = await log.owner.fetchval("SELECT retired_above FROM eventstore.projection")
    assert above == [3, 4, 5]

    await slow.execute(OPEN_ROW, position)
    await transaction.commit()
    log.store._pool.give_back(slow, None)
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=4))
    await assert_agrees(projecting)
    await roll_back(projecting, INVENTORY)
    await assert_agrees(projecting)


async def test_a_projection_is_rebuilt_once_at_a_time(log: Log, projecting: Pool) -> None:
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=1))
    await request(projecting, INVENTORY)
    async with rebuilding(projecting, INVENTORY):
        with pytest.raises(BeingRebuilt):
            await rebuild(projecting, INVENTORY, unseen)
        with pytest.raises(BeingRebuilt):
            await roll_back(projecting, INVENTORY)
        with pytest.raises(BeingRebuilt):
            await drop_retired(projecting, INVENTORY)
    assert (await recorded(log))[0] == "requested"
    await rebuild(projecting, INVENTORY, unseen)


async def test_nothing_is_rolled_back_without_a_retired_copy(log: Log, projecting: Pool) -> None:
    with pytest.raises(NothingRetired):
        await roll_back(projecting, INVENTORY)
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=1))
    await rebuilt(projecting, INVENTORY)
    await drop_retired(projecting, INVENTORY)
    before = await log.owner.fetchval(OID)
    with pytest.raises(NothingRetired):
        await roll_back(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) == before


async def test_a_retired_copy_of_another_version_is_left_alone(log: Log, projecting: Pool) -> None:
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=1))
    assert isinstance(INVENTORY, Inline)
    events, second = INVENTORY.events, 2
    newer = Inline("inventory", second, INVENTORY.tables, events, INVENTORY.apply)
    await rebuilt(projecting, newer)
    before = await log.owner.fetchval(OID)
    with pytest.raises(OtherVersion):
        await roll_back(projecting, newer)
    assert await log.owner.fetchval(OID) == before

    await roll_back(projecting, INVENTORY)
    assert await log.owner.fetchval(OID) != before
    await assert_agrees(projecting)


async def test_a_rebuild_brings_no_key_of_an_erased_customer_back(
    log: Log, projecting: Pool
) -> None:
    await log.append_each(NOTE, ERASE)
    await rebuilt(projecting, NOTES)
    await assert_agrees(projecting)
    assert await log.owner.fetchval("SELECT count(*) FROM readmodel.order_note") == 1
    assert await log.owner.fetchval("SELECT count(*) FROM eventstore.subject_key") == 0


async def test_copies_have_the_indexes_and_rights_of_the_live_tables(
    log: Log, projecting: Pool
) -> None:
    described = """
        SELECT indexdef FROM pg_indexes
        WHERE schemaname = 'readmodel' AND tablename = 'order_view' ORDER BY 1
    """
    rights = "SELECT relacl::text[] FROM pg_class WHERE oid = 'readmodel.order_view'::regclass"
    before = await log.owner.fetch(described), set(await log.owner.fetchval(rights))
    await rebuilt(projecting, projection_named("orders"))
    after = await log.owner.fetch(described), set(await log.owner.fetchval(rights))
    assert len(before[0]) > 2
    assert after[0] == before[0]
    assert {right.partition("/")[0] for right in after[1]} == {
        right.partition("/")[0] for right in before[1]
    }
