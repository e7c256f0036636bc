"""Steps that wait for the same product share a transaction, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from activities import turns
from activities.command_handler import CommandHandler, Handled, Run, Step
from activities.placing import reservation
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from domain.ids import event_id_for
from domain.inventory.commands import ReceiveStock, ReserveStock
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from domain.order.decide import ORDER
from domain.order.state import OrderStatus
from eventstore.envelope import AppendResult, StoredEvent
from eventstore.errors import InvalidAppend
from eventstore.loaded import Decide, Wanted
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Connection, Pool
from observability import trace
from projections.inline import InlineReadModels
from tests.support.keys import a_vault
from tests.support.reserving_worker import ORDERS, SKU, reserve_all
from tests.support.sagas import an_order

STREAM = f"inventory-{SKU}"
TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM eventstore.event WHERE stream_id = $1"
STATEMENTS = """
    SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
VIEW = "SELECT received, reserved, position FROM readmodel.inventory_view WHERE sku = $1"
WAITING = "SELECT count(*) FROM pg_locks WHERE classid = 7002 AND NOT granted"


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool, [InlineReadModels()], a_vault(pool))


@pytest.fixture
def handler(store: PostgresEventStore) -> CommandHandler:
    return CommandHandler(store)


def step(key: str | None = None, request: KeyUse | None = None) -> Step:
    return Step("test", key or uuid4().hex, "test", request=request)


async def receive(handler: CommandHandler, pieces: int, sku: str = SKU) -> None:
    await handler.handle(step(), ReceiveStock(aggregate_id=sku, quantity=pieces))


def reserve(
    handler: CommandHandler, order: str, *, as_step: Step | None = None, quantity: int = 1
) -> Awaitable[int]:
    command = ReserveStock(aggregate_id=SKU, order_id=order, quantity=quantity)
    return handler.handle(as_step or step(order), command)


async def events(store: PostgresEventStore, stream: str = STREAM) -> Sequence[StoredEvent]:
    return await store.load_events(stream)


async def reserved_for(store: PostgresEventStore) -> Sequence[str]:
    """Return the order of each reservation of the product, in the order of the log."""
    reserved = [e for e in await events(store) if e.type == "InventoryReserved"]
    return [event.data["order_id"] for event in reserved]


@asynccontextmanager
async def held(pool: Pool, stream: str = STREAM) -> AsyncIterator[None]:
    """Hold the stream's lock as another process does."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7002, hashtext($1))", stream)
        yield


async def waiting_in_postgresql(owner: asyncpg.Connection, count: int = 1) -> None:
    async def waits() -> bool:
        return bool(await owner.fetchval(WAITING) == count)

    await eventually(waits)


async def test_steps_that_wait_for_a_product_share_one_transaction(
    store: PostgresEventStore, handler: CommandHandler, owner: asyncpg.Connection
) -> None:
    await receive(handler, 20)
    await asyncio.gather(*(reserve(handler, order) for order in "abc"))  # prepares the statements
    await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before = await owner.fetchval(STATEMENTS)

    positions = await asyncio.gather(*(reserve(handler, order) for order in ORDERS))

    # The first step begins at once; the others wait for it, and then share the second transaction.
    # Each: BEGIN, lock and load, append, one read model, COMMIT. And the count itself.
    assert await owner.fetchval(STATEMENTS) - before - 1 == 10
    assert await owner.fetchval(TRANSACTIONS, STREAM) == 5  # with the receipt, and those of a, b, c
    stored = (await events(store))[4:]
    assert [event.event_id for event in stored] == [
        event_id_for("test", order, 0) for order in ORDERS
    ]
    assert [event.metadata.step for event in stored] == list(ORDERS)
    assert [event.version for event in stored] == [5, 6, 7, 8, 9, 10]
    assert positions == [stored[0].position] + [stored[-1].position] * 5
    assert tuple(await owner.fetchrow(VIEW, SKU) or ()) == (20, 9, stored[-1].position)


async def test_each_refusal_is_that_of_its_own_step(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    await receive(handler, 5)
    wanted = {"a": 1, "b": 3, "c": 2, "d": 1, "e": 1}

    answers = await asyncio.gather(
        *(reserve(handler, order, quantity=pieces) for order, pieces in wanted.items()),
        return_exceptions=True,
    )

    refused = {order for order, a in zip(wanted, answers, strict=True) if isinstance(a, Refused)}
    assert refused == {"c", "e"}  # the oldest first: 1 and 3 of 5 are taken, 2 are too many
    assert await reserved_for(store) == ["a", "b", "d"]
    assert (await handler.load(INVENTORY, SKU)).available == 0


async def test_a_step_that_cannot_be_appended_fails_alone(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    await receive(handler, 9)
    unstorable = Step("test", "nul", "\0")

    answers = await asyncio.gather(
        reserve(handler, "a"),
        reserve(handler, "b"),
        reserve(handler, "c", as_step=unstorable),
        reserve(handler, "d"),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [int, int, InvalidAppend, int]
    assert await reserved_for(store) == ["a", "b", "d"]


async def test_a_step_that_runs_twice_at_once_is_appended_once(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    receipt, twice = ReceiveStock(aggregate_id=SKU, quantity=5), step("twice")

    answers = await asyncio.gather(
        receive(handler, 1), handler.handle(twice, receipt), handler.handle(twice, receipt)
    )

    assert [event.data["quantity"] for event in await events(store)] == [1, 5]
    assert answers[1] == answers[2]


async def test_a_repeat_sees_what_the_steps_before_it_had_changed(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    """The log holds the events of a shared transaction by streams, not by steps."""
    taken = [ReserveStock(aggregate_id=sku, order_id="o", quantity=1) for sku in ("mug", SKU)]
    mug, hot = (ReceiveStock(aggregate_id=sku, quantity=1) for sku in ("mug", SKU))
    runs = [Run(step("first"), [mug]), Run(step("a"), [mug, hot]), Run(step("b"), [*taken, mug])]
    await asyncio.gather(*(handler.handle_with(run) for run in runs))
    before = await store.load_all_events()
    assert [event.metadata.step for event in before] == ["first", "a", "b", "b", "a", "b"]

    again = [await CommandHandler(store).handle_with(run) for run in runs]

    assert again == [Handled(before[n].position, is_first=False) for n in (0, 4, 5)]
    assert await store.load_all_events() == before


async def test_orders_of_one_product_are_placed_and_reserved_together(
    store: PostgresEventStore, handler: CommandHandler, owner: asyncpg.Connection
) -> None:
    await receive(handler, 5)
    orders = [an_order(("mug", 1), (SKU, 2)) for _ in range(4)]
    await receive(handler, 100, "mug")

    async def place(number: int) -> Handled:
        order = orders[number]
        workflow, order_id = f"order-{order.aggregate_id}", order.aggregate_id
        with trace.carrying(traceparent(number)):
            return await handler.handle_with(
                Run(Step(workflow, "place", order_id, f"customer:{number}"), [order]),
                Run(Step(workflow, "reserve", order_id), reservation(order_id, order.lines)),
            )

    done = await asyncio.gather(*(place(number) for number in range(4)))

    assert [each.is_first for each in done] == [True] * 4
    assert await reserved_for(store) == [order.aggregate_id for order in orders[:2]]
    for reader in (
        handler,
        CommandHandler(store),
    ):  # a refusal leaves nothing in what is remembered
        assert (await reader.load(INVENTORY, "mug")).reserved == 2
    for number, order in enumerate(orders):
        stored = await events(store, f"order-{order.aggregate_id}")
        is_reserved = number < 2  # two pieces each of five
        types = ["OrderCreated", "OrderReserved"] if is_reserved else ["OrderCreated"]
        assert [event.type for event in stored] == types
        assert {event.metadata.traceparent for event in stored} == {traceparent(number)}
        assert stored[0].metadata.actor == f"customer:{number}"
        status = OrderStatus.RESERVED if is_reserved else OrderStatus.PLACED
        assert (await handler.load(ORDER, order.aggregate_id)).status is status
        shown = "SELECT status FROM readmodel.order_view WHERE order_id = $1"
        assert await owner.fetchval(shown, order.aggregate_id) == status
    placed = "SELECT count(DISTINCT xmin::text) FROM eventstore.event WHERE type = 'OrderCreated'"
    assert await owner.fetchval(placed) == 2


def traceparent(number: int) -> str:
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


async def test_a_cancelled_step_is_left_out_and_the_others_are_appended(
    store: PostgresEventStore, handler: CommandHandler, pool: Pool, owner: asyncpg.Connection
) -> None:
    await receive(handler, 9)
    async with held(pool):
        first = asyncio.ensure_future(reserve(handler, "first"))
        await waiting_in_postgresql(owner)
        queued, other = (asyncio.ensure_future(reserve(handler, o)) for o in ("queued", "other"))
        await asyncio.sleep(0)
        queued.cancel()  # before its turn

    await asyncio.gather(first, other)

    assert queued.cancelled()
    assert await reserved_for(store) == ["first", "other"]


class Gate(PostgresEventStore):
    """A store with a gate before the decision of a transaction, and one before its commit."""

    def __init__(self, pool: Pool, *, is_decided: bool) -> None:
        super().__init__(pool, [self])
        self._is_decided = is_decided
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.opened.set()

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        await self._pass(is_decided=False)
        return await super().append_decided(wanted, decide, key)

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del connection, events
        await self._pass(is_decided=True)

    async def _pass(self, *, is_decided: bool) -> None:
        if is_decided is self._is_decided:
            self.reached.set()
            await self.opened.wait()


@pytest.mark.parametrize("is_decided", [True, False])
async def test_a_step_that_is_cancelled_in_a_turn_ends_no_other(
    pool: Pool, *, is_decided: bool
) -> None:
    """It is left out if nothing is decided yet. Otherwise its repeat finds what was appended."""
    store = Gate(pool, is_decided=is_decided)
    handler = CommandHandler(store)
    await receive(handler, 9)
    first, second, third = (asyncio.ensure_future(reserve(handler, order)) for order in "123")
    await first
    store.reached.clear()
    store.opened.clear()
    await store.reached.wait()

    second.cancel()
    store.opened.set()
    await third

    assert second.cancelled()
    assert await reserved_for(store) == (["1", "2", "3"] if is_decided else ["1", "3"])
    await reserve(handler, "2")
    assert sorted(await reserved_for(store)) == ["1", "2", "3"]


async def test_a_turn_ends_when_all_its_callers_are_cancelled(
    store: PostgresEventStore, handler: CommandHandler, pool: Pool, owner: asyncpg.Connection
) -> None:
    await receive(handler, 9)
    async with held(pool):
        waiting = asyncio.ensure_future(reserve(handler, "waiting"))
        await waiting_in_postgresql(owner)
        waiting.cancel()
        await waiting_in_postgresql(owner, 0)  # no connection waits for nobody
    begun = asyncio.ensure_future(reserve(handler, "begun"))
    await asyncio.sleep(0)
    begun.cancel()  # before its task has run

    await reserve(handler, "next")

    assert await reserved_for(store) == ["next"]


async def test_a_turn_takes_a_bounded_number_of_steps(
    store: PostgresEventStore,
    handler: CommandHandler,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MAX_STREAMS", 4)
    await receive(handler, 20)

    await asyncio.gather(*(reserve(handler, str(number)) for number in range(11)))

    assert await owner.fetchval(TRANSACTIONS, STREAM) == 1 + 4  # 1, 4, 4 and 2 steps
    assert await reserved_for(store) == [str(number) for number in range(11)]


async def test_a_step_is_not_overtaken_by_later_ones_of_its_product(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    """A step that waits for two products keeps its place among those that wait for one of them."""
    await receive(handler, 20)
    await receive(handler, 20, "mug")
    both = [ReserveStock(aggregate_id=s, order_id="both", quantity=1) for s in ("mug", SKU)]
    mug = ReserveStock(aggregate_id="mug", order_id="busy", quantity=1)

    await asyncio.gather(
        handler.handle(step(), mug),
        handler.handle(step("both"), *both),
        reserve(handler, "late"),
    )

    assert await reserved_for(store) == ["both", "late"]


async def test_requests_with_a_key_keep_it_with_their_own_effect(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    keys = [KeyUse.of("ada", "receiveStock", f"key-{n}", {"n": str(n)}) for n in range(4)]

    positions = await asyncio.gather(
        *(
            handler.handle(step(request=key), ReceiveStock(aggregate_id=SKU, quantity=1))
            for key in keys
        )
    )

    found = [await store.find_key(key) for key in keys]
    assert [known.position for known in found if known] == positions
    assert sorted(positions) == [event.position for event in await events(store)]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_steps_of_a_killed_worker_run_once(
    store: PostgresEventStore, handler: CommandHandler, database_url: str, when: str
) -> None:
    await receive(handler, 20)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.reserving_worker", database_url, when
    )
    assert await worker.wait() == -signal.SIGKILL
    done = 1 if when == "before" else len(ORDERS)
    assert len(await reserved_for(store)) == done

    await reserve_all(handler)

    assert sorted(await reserved_for(store)) == sorted(ORDERS)
    assert await handler.load(INVENTORY, SKU) == InventoryState(
        received=20, reservations=dict.fromkeys(ORDERS, 1)
    )


async def test_a_taken_stock_is_out_of_stock_for_those_behind(handler: CommandHandler) -> None:
    await receive(handler, 1)

    answers = await asyncio.gather(
        *(reserve(handler, order) for order in "abc"), return_exceptions=True
    )

    codes = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert codes == [ErrorCode.OUT_OF_STOCK] * 2
