"""Orders reserve shared stock at the same time: none waits for ever, and no piece is sold twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from activities.command_handler import CommandHandler, Run, Step
from activities.placing import reservation
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.inventory.commands import (
    AdjustmentReason,
    AdjustStock,
    CommitStock,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
)
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from domain.order.decide import ORDER
from domain.order.state import OrderStatus
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Pool
from projections.inline import InlineReadModels
from tests.support.keys import a_vault
from tests.support.sagas import an_order

PIECES = 1_000_000
STATEMENTS = """
    SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
VIEW = """
    SELECT sku, received, reserved, shipped, on_hand, available FROM readmodel.inventory_view
"""


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool, [InlineReadModels()], a_vault(pool))


@pytest.fixture
def handler(store: PostgresEventStore) -> CommandHandler:
    return CommandHandler(store)


def step(key: str | None = None) -> Step:
    return Step("test", key or uuid4().hex, "test")


def skus(count: int) -> list[str]:
    return [f"sku-{number:03}" for number in range(count)]


async def stocked(handler: CommandHandler, names: Sequence[str], pieces: int = PIECES) -> None:
    receipts = (ReceiveStock(aggregate_id=sku, quantity=pieces) for sku in names)
    await handler.handle(step(), *receipts)


def lines(order_id: str, names: Sequence[str]) -> list[Command]:
    return [ReserveStock(aggregate_id=sku, order_id=order_id, quantity=1) for sku in names]


@asynccontextmanager
async def disturbed(store: PostgresEventStore, names: Sequence[str]) -> AsyncIterator[list[str]]:
    """Reserve single pieces of these products all the time, by four other workers."""
    reserved: list[str] = []

    async def work(handler: CommandHandler) -> None:
        while True:
            sku = random.choice(names)  # noqa: S311 - load
            await handler.handle(step(), *lines(uuid4().hex, [sku]))
            reserved.append(sku)

    workers = [asyncio.create_task(work(CommandHandler(store))) for _ in range(4)]
    try:
        yield reserved
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def test_an_order_of_a_hundred_lines_is_reserved_under_other_writes(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    names = skus(100)
    await stocked(handler, names)

    async with disturbed(store, names) as reserved, asyncio.timeout(60):
        await eventually(lambda: reserved)
        for order in ("o1", "o2", "o3"):
            await handler.handle(step(order), *lines(order, names))
        written = len(reserved)
        await eventually(lambda: len(reserved) > written)  # others still write

    states = await handler.load_all(INVENTORY, names)
    assert all({"o1": 1, "o2": 1, "o3": 1}.items() <= s.reservations.items() for s in states)


async def test_orders_with_their_lines_in_different_orders_do_not_deadlock(
    store: PostgresEventStore, owner: asyncpg.Connection
) -> None:
    names = skus(20)
    await stocked(CommandHandler(store), names)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await owner.fetchval(deadlocks)

    async def orders(handler: CommandHandler, worker: int) -> None:
        shuffled = random.Random(worker)  # noqa: S311 - an order of lines
        for number in range(5):
            order = f"order-{worker}-{number}"
            await handler.handle(step(order), *lines(order, shuffled.sample(names, len(names))))

    async with asyncio.timeout(60):
        await asyncio.gather(*(orders(CommandHandler(store), worker) for worker in range(8)))

    await owner.execute("SELECT pg_stat_clear_snapshot()")
    assert await owner.fetchval(deadlocks) == before
    states = await CommandHandler(store).load_all(INVENTORY, names)
    assert {state.reserved for state in states} == {40}


async def test_stock_adds_up_under_sixteen_writers_of_every_kind(
    store: PostgresEventStore, pool: Pool
) -> None:
    names = skus(4)
    await stocked(CommandHandler(store), names, pieces=50)
    worker_of = [CommandHandler(store) for _ in range(4)]

    async def life(writer: int) -> None:
        handler, chance = worker_of[writer % 4], random.Random(writer)  # noqa: S311 - load
        for number in range(6):
            order, sku = f"o-{writer}-{number}", chance.choice(names)
            commands: Sequence[Command] = chance.choice(
                [
                    [ReserveStock(aggregate_id=sku, order_id=order, quantity=9),
                     CommitStock(aggregate_id=sku, order_id=order),
                     ReturnStock(aggregate_id=sku, order_id=order, quantity=2)],
                    [ReserveStock(aggregate_id=sku, order_id=order, quantity=7),
                     ReleaseStock(aggregate_id=sku, order_id=order)],
                    [ReserveStock(aggregate_id=sku, order_id=order, quantity=3)],
                    [AdjustStock(aggregate_id=sku, difference=-1, reason=AdjustmentReason.LOST)],
                    [ReceiveStock(aggregate_id=sku, quantity=2)],
                ]
            )  # fmt: skip
            for command in commands:
                try:
                    await handler.handle(step(), command)
                except Refused as refused:
                    assert refused.code in {  # noqa: PT017 - a part of them is refused
                        ErrorCode.OUT_OF_STOCK, ErrorCode.INSUFFICIENT_STOCK, ErrorCode.WRONG_STATE,
                    }  # fmt: skip
                    break

    async with asyncio.timeout(120):
        await asyncio.gather(*(life(writer) for writer in range(16)))

    states = {}
    for sku in names:
        state = InventoryState()
        for event in await store.load_events(f"inventory-{sku}"):
            state = INVENTORY.evolve(state, event.decode())
            assert state.available >= 0  # never oversold, at no time
            assert state.on_hand == state.reserved + state.available
        states[sku] = state
    for handler in worker_of:  # what a worker remembers is what the log says
        assert await handler.load_all(INVENTORY, names) == list(states.values())
    shown = {row["sku"]: tuple(row)[1:] for row in await pool.fetch(VIEW)}
    assert shown == {
        sku: (s.received, s.reserved, s.shipped, s.on_hand, s.available)
        for sku, s in states.items()
    }


async def test_nothing_is_oversold_between_single_and_long_orders(
    store: PostgresEventStore,
) -> None:
    names = skus(10)
    await stocked(CommandHandler(store), names, pieces=12)

    async def order(number: int) -> bool:
        """Reserve one piece of each product, or of one product alone."""
        wanted = names if number % 2 else [names[number % 10]]
        try:
            await CommandHandler(store).handle(step(), *lines(f"o{number}", wanted))
        except Refused:
            return False
        return True

    async with asyncio.timeout(60):
        taken = await asyncio.gather(*(order(number) for number in range(60)))

    states = await CommandHandler(store).load_all(INVENTORY, names)
    assert all(0 <= state.available <= 12 for state in states)
    long_orders = sum(was_taken for number, was_taken in enumerate(taken) if number % 2)
    single = sum(was_taken for number, was_taken in enumerate(taken) if not number % 2)
    assert sum(state.reserved for state in states) == 10 * long_orders + single
    assert min(state.available for state in states) == 0


@pytest.mark.parametrize("count", [2, 100])
async def test_the_statements_of_a_reservation_do_not_grow_with_its_lines(
    handler: CommandHandler, owner: asyncpg.Connection, count: int
) -> None:
    names = skus(count)
    await stocked(handler, names)
    await handler.handle(step(), *lines("first", names))
    await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before = await owner.fetchval(STATEMENTS)

    await handler.handle(step(), *lines("second", names))

    # BEGIN, lock and load, append, one read model, COMMIT; and the count itself.
    assert await owner.fetchval(STATEMENTS) - before - 1 == 5


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_state_is_right_whether_it_was_known_or_not(
    store: PostgresEventStore, handler: CommandHandler, is_known: bool
) -> None:
    await stocked(handler, ["sku"], pieces=300)
    for number in range(250):
        await handler.handle(step(), *lines(f"o{number}", ["sku"]))
    reader = handler if is_known else CommandHandler(store)
    other = CommandHandler(store)
    await other.handle(step(), ReleaseStock(aggregate_id="sku", order_id="o7"))

    state = await reader.load(INVENTORY, "sku")

    stored = await store.load_events("inventory-sku")
    assert state == INVENTORY.fold(event.decode() for event in stored)
    assert (state.reserved, state.available) == (249, 51)


async def test_a_known_state_is_dropped_when_its_event_is_no_longer_in_the_log(
    handler: CommandHandler, owner: asyncpg.Connection
) -> None:
    """The log was restored to an earlier time while this worker ran."""
    await stocked(handler, ["sku"], pieces=5)
    await handler.handle(step(), *lines("lost", ["sku"]))
    await owner.execute("DELETE FROM eventstore.event WHERE version = 2")

    await handler.handle(step(), *lines("o1", ["sku"]))

    assert await handler.load(INVENTORY, "sku") == InventoryState(
        received=5, reservations={"o1": 1}
    )


async def placed(handler: CommandHandler, *wanted: tuple[str, int]) -> tuple[str, Run, Run]:
    order = an_order(*wanted)
    order_id = order.aggregate_id
    workflow_id = f"order-{order_id}"
    place = Run(Step(workflow_id, "place", order_id, "customer:ada"), [order])
    reserve = Run(Step(workflow_id, "reserve", order_id), reservation(order_id, order.lines))
    await handler.handle_with(place, reserve)
    return order_id, place, reserve


async def facts(store: PostgresEventStore, stream_id: str) -> list[tuple[str, str | None]]:
    events = await store.load_events(stream_id)
    return [(event.type, event.metadata.step) for event in events]


async def test_an_order_is_placed_and_reserved_by_one_commit(
    store: PostgresEventStore, handler: CommandHandler, owner: asyncpg.Connection
) -> None:
    await stocked(handler, ["cup", "mug"], pieces=5)

    order_id, _, reserve = await placed(handler, ("cup", 2), ("mug", 1))

    assert await facts(store, f"order-{order_id}") == [
        ("OrderCreated", "place"),
        ("OrderReserved", "reserve"),
    ]
    assert (await facts(store, "inventory-cup"))[-1] == ("InventoryReserved", "reserve")
    transactions = "SELECT count(DISTINCT xmin::text) FROM eventstore.event WHERE position > 2"
    assert await owner.fetchval(transactions) == 1
    before = await store.load_all_events()
    await handler.handle_with(reserve)  # the step on its own finds its own events
    assert await store.load_all_events() == before


async def test_an_order_that_lacks_stock_is_placed_alone_and_reserves_nothing(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    await stocked(handler, ["cup", "mug"], pieces=5)

    order_id, place, reserve = await placed(handler, ("cup", 2), ("mug", 6))

    assert await facts(store, f"order-{order_id}") == [("OrderCreated", "place")]
    assert await handler.load_all(INVENTORY, ["cup", "mug"]) == [InventoryState(received=5)] * 2
    await handler.handle(step(), ReceiveStock(aggregate_id="mug", quantity=1))
    again = await handler.handle_with(place, reserve)  # a repeat is no second chance
    assert again.is_first is False
    assert (await handler.load(ORDER, order_id)).status is OrderStatus.PLACED
    await handler.handle_with(reserve)
    assert (await handler.load(INVENTORY, "mug")).reservations == {order_id: 6}
