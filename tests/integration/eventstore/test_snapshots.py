from __future__ import annotations

from dataclasses import replace
from typing import NoReturn
from uuid import uuid4

import asyncpg
import pytest

from activities.command_handler import CommandHandler, Step
from domain.event import Event
from domain.inventory.commands import CommitStock, ReceiveStock, ReleaseStock, ReserveStock
from domain.inventory.decide import INVENTORY
from domain.inventory.events import StockReceived
from domain.inventory.state import InventoryState
from eventstore import snapshots
from eventstore.envelope import NewEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from tests.integration.eventstore.conftest import METADATA


@pytest.fixture
def handler(store: PostgresEventStore) -> CommandHandler:
    return CommandHandler(store)


def step() -> Step:
    return Step("test", uuid4().hex, "test")


async def busy(handler: CommandHandler, rounds: int) -> None:
    """Receive once, then reserve in each round; of every three, ship one and release one."""
    await handler.handle(step(), ReceiveStock(aggregate_id="sku", quantity=1_000))
    for n in range(rounds):
        reserve = ReserveStock(aggregate_id="sku", order_id=f"o{n}", quantity=2)
        await handler.handle(step(), reserve)
        if n % 3 == 1:
            await handler.handle(step(), CommitStock(aggregate_id="sku", order_id=f"o{n}"))
        elif n % 3 == 2:
            await handler.handle(step(), ReleaseStock(aggregate_id="sku", order_id=f"o{n}"))


async def test_a_snapshot_and_the_rest_make_the_same_state_as_a_full_replay(
    handler: CommandHandler, store: PostgresEventStore
) -> None:
    await busy(handler, rounds=140)

    snapshot = await store.load_snapshot("inventory-sku")

    assert snapshot is not None
    assert snapshot.version == 200
    everything = [event.decode() for event in await store.load_events("inventory-sku")]
    restored, version = snapshots.restore(INVENTORY, snapshot)
    assert restored == INVENTORY.fold(everything[:version])
    assert await handler.load(INVENTORY, "sku") == INVENTORY.fold(everything)


async def test_a_repeated_append_leaves_no_snapshot_without_events(
    handler: CommandHandler, store: PostgresEventStore
) -> None:
    receipt = ReceiveStock(aggregate_id="sku", quantity=1)
    for _ in range(98):
        await handler.handle(step(), receipt)
    last = step()
    first = await handler.handle(last, receipt)

    again = await handler.handle(last, receipt)

    assert again == first
    assert await store.load_snapshot("inventory-sku") is None
    await handler.handle(step(), receipt)
    assert await handler.load(INVENTORY, "sku") == InventoryState(received=100)


async def test_a_snapshot_of_another_shape_is_passed_over(
    handler: CommandHandler, store: PostgresEventStore
) -> None:
    await busy(handler, rounds=70)
    snapshot = await store.load_snapshot("inventory-sku")
    assert snapshot is not None
    before = await handler.load(INVENTORY, "sku")

    await store.create_snapshots({"inventory-sku": replace(snapshot, schema="of old")})

    assert await handler.load(INVENTORY, "sku") == before


LOSE_THE_TAIL = "DELETE FROM eventstore.event WHERE stream_id = 'inventory-sku' AND version > $1"


async def test_a_snapshot_newer_than_its_stream_is_passed_over(
    handler: CommandHandler, store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    """This happens when the log is restored to an earlier time than its snapshots."""
    await busy(handler, rounds=140)
    await owner.execute(LOSE_THE_TAIL, 150)
    events = [event.decode() for event in await store.load_events("inventory-sku")]
    assert await handler.load(INVENTORY, "sku") == INVENTORY.fold(events)

    position = await handler.handle(step(), ReceiveStock(aggregate_id="sku", quantity=1))

    last = (await store.load_events("inventory-sku"))[-1]
    assert (last.version, last.position) == (151, position)


async def test_a_snapshot_of_events_that_others_have_replaced_is_passed_over(
    handler: CommandHandler, store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    await busy(handler, rounds=140)
    await owner.execute(LOSE_THE_TAIL, 150)
    receipts = [StockReceived(sku="sku", quantity=1)] * 60
    await store.save_events("inventory-sku", [new(event) for event in receipts], 150)

    events = [event.decode() for event in await store.load_events("inventory-sku")]
    assert (await store.load_snapshot("inventory-sku") or never()).version == 200
    assert await handler.load(INVENTORY, "sku") == INVENTORY.fold(events)


async def test_the_next_snapshot_replaces_a_snapshot_newer_than_its_stream(
    handler: CommandHandler, store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    await busy(handler, rounds=140)
    await owner.execute(LOSE_THE_TAIL, 99)

    await handler.handle(step(), ReceiveStock(aggregate_id="sku", quantity=1))

    snapshot = await store.load_snapshot("inventory-sku") or never()
    events = await store.load_events("inventory-sku")
    assert (snapshot.version, snapshot.event_id) == (100, events[-1].event_id)
    assert snapshots.restore(INVENTORY, snapshot)[0] == INVENTORY.fold(e.decode() for e in events)


async def test_a_snapshot_of_a_stream_without_any_event_is_passed_over(
    handler: CommandHandler, store: PostgresEventStore
) -> None:
    await store.create_snapshots(
        {"inventory-sku": snapshots.take(INVENTORY, InventoryState(received=9), version=100)}
    )

    await handler.handle(step(), ReceiveStock(aggregate_id="sku", quantity=1))

    assert await handler.load(INVENTORY, "sku") == InventoryState(received=1)


@pytest.mark.parametrize("state", ['{"received": "many"}', "[]", "null"])
async def test_a_snapshot_whose_state_does_not_validate_is_passed_over(
    handler: CommandHandler, pool: Pool, state: str
) -> None:
    await busy(handler, rounds=70)
    before = await handler.load(INVENTORY, "sku")
    await pool.execute("UPDATE eventstore.snapshot SET state = $1", state)

    assert await handler.load(INVENTORY, "sku") == before


def new(event: Event) -> NewEvent:
    return NewEvent(uuid4(), event, METADATA)


def never() -> NoReturn:
    raise AssertionError("there is no snapshot")


async def test_an_older_snapshot_does_not_replace_a_newer_one(store: PostgresEventStore) -> None:
    new = snapshots.take(INVENTORY, InventoryState(received=5), version=200)
    await store.create_snapshots({"inventory-sku": new})

    await store.create_snapshots(
        {"inventory-sku": snapshots.take(INVENTORY, InventoryState(received=1), version=100)}
    )

    kept = await store.load_snapshot("inventory-sku")
    assert snapshots.restore(INVENTORY, kept) == (InventoryState(received=5), 200)


async def test_a_short_stream_has_no_snapshot(
    handler: CommandHandler, store: PostgresEventStore
) -> None:
    await busy(handler, rounds=5)

    assert await store.load_snapshot("inventory-sku") is None
