"""No two orders have one number, and an order whose number is taken is placed with its next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

import pytest

from activities.command_handler import CommandHandler, Step
from activities.placing import MAX_CANDIDATES, place_order
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from domain.order import decide
from domain.order.commands import PlaceOrder
from domain.order.events import OrderCreated
from domain.order.number import order_number
from eventstore.envelope import AppendResult
from eventstore.errors import UniqueValueTaken
from eventstore.loaded import Decide, Wanted
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections.inline import InlineReadModels
from tests.support.keys import a_vault
from tests.support.order_log import OrderLog
from tests.support.sagas import an_order


class Overtaken(PostgresEventStore):
    """A store in which another writer appends right before the first decision."""

    def __init__(self, pool: Pool, other: Callable[[], Awaitable[None]]) -> None:
        super().__init__(pool, [InlineReadModels()], a_vault(pool))
        self._other: Callable[[], Awaitable[None]] | None = other

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        other, self._other = self._other, None
        if other is not None:
            await other()
        return await super().append_decided(wanted, decide, key)


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool, [InlineReadModels()], a_vault(pool))


@pytest.fixture
def handler(store: PostgresEventStore) -> CommandHandler:
    return CommandHandler(store)


def step_of(order: PlaceOrder) -> Step:
    return Step(f"order-{order.aggregate_id}", "place", order.aggregate_id)


async def place(handler: CommandHandler, order: PlaceOrder) -> None:
    await place_order(handler, step_of(order), order)


async def take(store: PostgresEventStore, order: PlaceOrder, *candidates: int) -> None:
    """Give the candidates of this order's number to other orders."""
    for candidate in candidates:
        number = order_number(order.aggregate_id, candidate)
        await OrderLog(store).place(str(uuid4()), number=number)


async def numbers(store: PostgresEventStore, order: PlaceOrder) -> list[str]:
    """Return the number of each placement of the order in the log."""
    events = [e.decode() for e in await store.load_events(f"order-{order.aggregate_id}")]
    return [event.number for event in events if isinstance(event, OrderCreated)]


async def shown(pool: Pool, order: PlaceOrder) -> list[str]:
    rows = await pool.fetch(
        "SELECT number FROM readmodel.order_view WHERE order_id = $1", order.aggregate_id
    )
    return [row["number"] for row in rows]


@pytest.mark.parametrize(("taken", "got"), [((), 0), ((0,), 1), ((0, 1, 2), 3), ((1,), 0)])
async def test_an_order_gets_the_first_candidate_that_is_free(
    store: PostgresEventStore,
    handler: CommandHandler,
    pool: Pool,
    taken: Sequence[int],
    got: int,
) -> None:
    order = an_order(("mug", 1))
    await take(store, order, *taken)

    await place(handler, order)

    number = order_number(order.aggregate_id, got)
    assert await numbers(store, order) == await shown(pool, order) == [number]


async def test_a_repeat_returns_the_first_result_although_a_candidate_was_taken(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    order = an_order(("mug", 1))
    await take(store, order, 0)
    await place(handler, order)
    before = await store.load_all_events()

    await place(handler, order)

    assert await store.load_all_events() == before
    assert await numbers(store, order) == [order_number(order.aggregate_id, 1)]


async def test_an_attempt_beside_one_that_took_a_later_candidate_places_nothing(
    store: PostgresEventStore, handler: CommandHandler, pool: Pool
) -> None:
    order = an_order(("mug", 1))
    await take(store, order, 0)
    late = CommandHandler(Overtaken(pool, lambda: place(handler, order)))

    await place(late, order)

    assert await numbers(store, order) == [order_number(order.aggregate_id, 1)]


async def test_another_order_under_the_same_key_is_still_refused(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    order = an_order(("mug", 1))
    await take(store, order, 0)
    await place(handler, order)
    before = await store.load_all_events()

    with pytest.raises(Refused) as caught:
        await place(handler, order.model_copy(update={"fingerprint": "another"}))

    assert caught.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await store.load_all_events() == before


async def test_orders_that_share_every_first_candidate_are_placed_at_the_same_time(
    store: PostgresEventStore, handler: CommandHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alike(order_id: str, candidate: int) -> str:
        return "W-NZCPARBRQ5" if candidate == 0 else order_number(order_id, candidate)

    monkeypatch.setattr(decide, "order_number", alike)
    orders = [an_order(("mug", 1)) for _ in range(5)]

    await asyncio.gather(*(place(handler, order) for order in orders))

    found = [number for order in orders for number in await numbers(store, order)]
    seconds = {order_number(order.aggregate_id, 1) for order in orders}
    assert len(set(found)) == len(found) == len(orders)
    assert "W-NZCPARBRQ5" in found
    assert set(found) - {"W-NZCPARBRQ5"} < seconds


async def test_an_order_without_a_free_candidate_is_not_placed(
    store: PostgresEventStore, handler: CommandHandler
) -> None:
    order = an_order(("mug", 1))
    await take(store, order, *range(MAX_CANDIDATES))

    with pytest.raises(UniqueValueTaken) as caught:
        await place(handler, order)

    assert caught.value.constraint == "order_view_number_key"
    assert await numbers(store, order) == []
    assert order_number(order.aggregate_id, 9) not in str(caught.value)
