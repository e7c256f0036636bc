"""A projection is rebuilt from the log while appends go on."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from domain.customer.commands import EraseCustomer, ErasureReason
from domain.inventory.commands import ReceiveStock
from domain.note.commands import AddOrderNote
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections.projection import Inline
from projections.rebuild import catching_up, filling, procedure
from projections.rebuild.errors import (
    BeingRebuilt,
    CopyDiffers,
    EventsParked,
)
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
OID = "SELECT 'readmodel.inventory_view'::regclass::oid"


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
