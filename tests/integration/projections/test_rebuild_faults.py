"""A rebuild that is interrupted, overtaken or given a wrong event loses and repeats nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest

from domain.inventory.commands import ReceiveStock
from domain.inventory.events import StockReceived
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.leadership import LeadLost
from kit.pool import Connection, Pool
from projections.change import Change, Given, Row, Step, insert, upsert
from projections.projection import Projection
from projections.rebuild import filling, swapping
from projections.rebuild.errors import (
    EventNotTaken,
)
from projections.rebuild.filling import Filling
from projections.rebuild.procedure import rebuild, roll_back
from projections.registry import projection_named
from tests.integration.projections import following
from tests.integration.projections.following import (
    append,
    follow_to,
    received,
    rows,
)
from tests.integration.projections.log import Log
from tests.integration.projections.rebuilds import (
    append_everything,
    assert_agrees,
    rebuilt,
    request,
    unseen,
)

INVENTORY = projection_named("inventory")
RECORD = """
    SELECT state, fault, events, version FROM eventstore.projection_rebuild WHERE name = $1
"""
FINISHED_BY_ANOTHER = """
    WITH rebuild AS (UPDATE eventstore.projection_rebuild SET state = 'done')
    UPDATE eventstore.projection SET retired_position = retired_position + 1
"""
OID = "SELECT 'readmodel.inventory_view'::regclass::oid"


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
