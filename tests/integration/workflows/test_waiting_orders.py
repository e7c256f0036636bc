"""Stock that arrives goes to the orders that wait for it, however many they are."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from activities.types.stock import StockInput, StockResult
from domain.ids import stock_workflow_id
from domain.inventory.events import BackorderQueued, StockReceived
from domain.inventory.state import InventoryState
from kit.bounded_gather import bounded_gather
from kit.eventually import eventually
from tests.support.gates import When
from tests.support.order_log import OrderLog
from tests.support.order_parts import PLACED_AT
from tests.support.sagas import Sagas, an_order

MANY = 112
SIGNALLED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def queued(sagas: Sagas, sku: str, *quantities: int) -> list[str]:
    """Place orders of these quantities that wait, one after the other; return their ids."""
    orders = []
    for quantity in quantities:
        orders.append(await sagas.place(an_order((sku, quantity), backorder=True)))
        await sagas.until(f"inventory-{sku}", "BackorderQueued", times=len(orders))
    return orders


async def reserved(sagas: Sagas, sku: str) -> set[str]:
    return {*(await sagas.inventory(sku)).reservations}


async def until_reserved(sagas: Sagas, *order_ids: str) -> None:
    for order_id in order_ids:
        await sagas.until(f"order-{order_id}", "OrderReserved")


async def until_attended(sagas: Sagas, sku: str) -> None:
    """Wait until no order is left to notify."""
    stock = sagas.client.get_workflow_handle(stock_workflow_id(sku))

    async def has_ended() -> bool:
        return (await stock.describe()).close_time is not None

    await eventually(has_ended)


async def until_it_waits_again(sagas: Sagas, order_id: str) -> None:
    """Wait until the order has tried to reserve and has nothing more to do."""

    async def is_idle() -> bool:
        described = await sagas.workflow(order_id).describe()
        return not described.raw_description.HasField("pending_workflow_task")

    await eventually(is_idle)


@pytest.mark.timeout(300)
async def test_a_receipt_wakes_every_order_that_it_suffices_for(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)

    async def place(_: int) -> str:
        return await sagas.place(an_order((sku, 2), backorder=True))

    placed = await bounded_gather(range(MANY), place)
    await sagas.until(f"inventory-{sku}", "BackorderQueued", times=MANY)

    await sagas.receive(sku, 2 * MANY - 1)

    await sagas.until(f"inventory-{sku}", "InventoryReserved", times=MANY)
    assert await sagas.inventory(sku) == InventoryState(
        received=2 * MANY, reservations=dict.fromkeys(placed.all(), 2)
    )


async def test_the_answer_to_a_receipt_does_not_wait_for_the_notifications(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    [order_id] = await queued(sagas, sku, 2)

    async with sagas.gates.stopped("orders_to_notify", sku, When.BEFORE) as gate:
        await sagas.receive(sku, 1)
        await gate.reached()
        assert await sagas.inventory(sku) == InventoryState(
            received=2, backorders=(await sagas.inventory(sku)).backorders
        )
        assert await sagas.events(f"order-{order_id}") == ["OrderCreated"]

    await until_reserved(sagas, order_id)


async def test_one_workflow_attends_to_all_receipts_that_come_meanwhile(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    [order_id] = await queued(sagas, sku, 5)
    stock = sagas.client.get_workflow_handle(stock_workflow_id(sku))

    async with sagas.gates.stopped("orders_to_notify", sku, When.AFTER) as gate:
        await sagas.receive(sku, 1)
        await gate.reached()
        runs = {(await stock.describe()).run_id}
        for _ in range(3):
            await sagas.receive(sku, 1)
            runs.add((await stock.describe()).run_id)

    assert len(runs) == 1
    await until_reserved(sagas, order_id)
    assert await sagas.inventory(sku) == InventoryState(received=5, reservations={order_id: 5})


async def test_a_newcomer_does_not_pass_an_order_that_is_about_to_wake(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    [first] = await queued(sagas, sku, 3)

    async with sagas.gates.stopped("orders_to_notify", sku, When.BEFORE) as gate:
        await sagas.receive(sku, 2)
        await gate.reached()
        impatient = await sagas.place(an_order((sku, 1)))
        patient = await sagas.place(an_order((sku, 1), backorder=True))
        assert await sagas.end(impatient) == "REJECTED"
        await sagas.until(f"inventory-{sku}", "BackorderQueued", times=2)

    await until_reserved(sagas, first)
    assert await reserved(sagas, sku) == {first}
    await sagas.receive(sku, 1)
    await until_reserved(sagas, patient)


async def test_the_oldest_gets_the_stock_whichever_order_wakes_first(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    oldest, second = await queued(sagas, sku, 3, 3)

    async with sagas.gates.stopped("reserve", oldest, When.BEFORE) as gate:
        await sagas.receive(sku, 2)
        await gate.reached()
        await sagas.workflow(second).signal("stock_received")
        await until_it_waits_again(sagas, second)
        assert await reserved(sagas, sku) == set()

    await until_reserved(sagas, oldest)
    assert await reserved(sagas, sku) == {oldest}


async def test_a_large_order_in_front_blocks_no_smaller_one_behind_it(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    large, small, last = await queued(sagas, sku, 9, 2, 2)

    await sagas.receive(sku, 3)

    await until_reserved(sagas, small, last)
    assert await reserved(sagas, sku) == {small, last}
    await sagas.receive(sku, 9)
    await until_reserved(sagas, large)


async def test_two_orders_of_the_same_products_do_not_block_each_other(sagas: Sagas) -> None:
    """The older one comes first for both products, whichever of them comes first."""
    cups, pots = await sagas.stocked(1), await sagas.stocked(1)
    older = await sagas.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued")
    younger = await sagas.place(an_order((pots, 2), (cups, 2), backorder=True))
    await sagas.until(f"inventory-{cups}", "BackorderQueued", times=2)

    await sagas.receive(cups, 1)
    await sagas.receive(pots, 1)

    await until_reserved(sagas, older)
    assert await sagas.events(f"order-{younger}") == ["OrderCreated"]


async def test_no_newcomer_takes_the_goods_that_an_order_needs_beside_those_it_waits_for(
    sagas: Sagas,
) -> None:
    """The pots were there when the order began to wait for cups."""
    cups, pots = await sagas.stocked(1), await sagas.stocked(2)
    order_id = await sagas.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued")

    newcomer = await sagas.place(an_order((pots, 1)))
    assert await sagas.end(newcomer) == "REJECTED"
    await sagas.receive(cups, 1)

    await until_reserved(sagas, order_id)
    assert await sagas.inventory(pots) == InventoryState(received=2, reservations={order_id: 2})


async def test_an_order_that_waits_for_one_product_is_not_woken_by_another(sagas: Sagas) -> None:
    cups, pots = await sagas.stocked(1), await sagas.stocked(2)
    order_id = await sagas.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued")

    await sagas.receive(pots, 1)
    await until_attended(sagas, pots)
    assert SIGNALLED not in await sagas.written(order_id)
    await sagas.receive(cups, 1)
    await until_reserved(sagas, order_id)

    assert SIGNALLED in await sagas.written(order_id)


async def test_an_order_that_is_cancelled_as_it_wakes_leaves_its_pieces_to_the_next(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    first, second = await queued(sagas, sku, 2, 2)

    async with sagas.gates.stopped("reserve", first, When.AFTER) as gate:
        await sagas.receive(sku, 1)
        await gate.reached()
        cancelling = asyncio.create_task(sagas.cancel(first))
    await cancelling

    assert await sagas.end(first) == "CANCELLED"
    await until_reserved(sagas, second)
    assert await sagas.inventory(sku) == InventoryState(received=2, reservations={second: 2})


async def test_goods_that_wait_for_a_cancelled_order_are_for_sale_again(sagas: Sagas) -> None:
    cups, pots = await sagas.stocked(1), await sagas.stocked(2)
    order_id = await sagas.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued")
    next_id = await sagas.place(an_order((pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued", times=2)

    await sagas.cancel(order_id)

    await until_reserved(sagas, next_id)
    assert await sagas.inventory(cups) == InventoryState(received=1)
    assert await sagas.inventory(pots) == InventoryState(received=2, reservations={next_id: 2})


async def test_an_order_that_gives_up_leaves_its_pieces_to_the_next(sagas: Sagas) -> None:
    """Cups are kept for the first order, which waits for pots too until its time is over."""
    cups, pots = await sagas.stocked(1), await sagas.stocked(1)
    brief = sagas.within(backorder=timedelta(seconds=6))
    first = await brief.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{pots}", "BackorderQueued")
    second = await sagas.place(an_order((cups, 2), backorder=True))
    await sagas.until(f"inventory-{cups}", "BackorderQueued", times=2)
    await sagas.receive(cups, 1)
    assert await reserved(sagas, cups) == set()

    assert await sagas.end(first) == "REJECTED"

    await until_reserved(sagas, second)
    assert await sagas.inventory(pots) == InventoryState(received=1)


async def test_orders_are_notified_by_the_hundred_and_no_history_grows(sagas: Sagas) -> None:
    """No workflow runs for these orders, so that all of them are notified again and again."""
    sku = await sagas.stocked(1)
    waiting = [
        BackorderQueued(sku=sku, order_id=name, quantity=1, since=PLACED_AT + timedelta(seconds=n))
        for n, name in enumerate(names(sku))
    ]
    received = StockReceived(sku=sku, quantity=239)
    await OrderLog(sagas.store).append(f"inventory-{sku}", *waiting, received)

    first: StockResult = await sagas.attempt_in("stock", "orders_to_notify", StockInput(sku))
    second: StockResult = await sagas.attempt_in(
        "stock", "orders_to_notify", StockInput(sku, first.next_after)
    )
    third: StockResult = await sagas.attempt_in(
        "stock", "orders_to_notify", StockInput(sku, second.next_after)
    )
    notified = (*first.order_ids, *second.order_ids, *third.order_ids)
    assert notified == names(sku)[:240]
    assert [len(page.order_ids) for page in (first, second, third)] == [100, 100, 40]
    assert third.next_after is None

    await sagas.receive(sku, 1)
    await until_attended(sagas, sku)

    lengths = [
        run.history_length
        async for run in sagas.client.list_workflows(f'WorkflowId = "{stock_workflow_id(sku)}"')
    ]
    assert max(lengths) < 100 * 5 + 20  # at most a workflow task of its own for each signal


def names(sku: str) -> tuple[str, ...]:
    return tuple(f"{sku}-{n:03}" for n in range(250))
