"""The tables that a rebuild replaced take their place again, with the events since."""

from __future__ import annotations

import pytest

from domain.inventory.commands import ReceiveStock
from kit.pool import Pool
from projections.projection import Inline
from projections.rebuild.errors import (
    NothingRetired,
    OtherVersion,
)
from projections.rebuild.procedure import drop_retired, roll_back
from projections.registry import projection_named
from tests.integration.projections.log import Log
from tests.integration.projections.rebuilds import (
    append_everything,
    appending,
    assert_agrees,
    rebuilt,
)

INVENTORY = projection_named("inventory")
OID = "SELECT 'readmodel.inventory_view'::regclass::oid"
OPEN_APPEND = """
    SELECT position FROM eventstore.append_event(
        'inventory-slow', -1, gen_random_uuid(), 'StockReceived', 1::smallint,
        '{"sku": "slow", "quantity": 5}', '{"correlation_id": "test"}')
"""
OPEN_ROW = "INSERT INTO readmodel.inventory_view (sku, received, position) VALUES ('slow', 5, $1)"


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
