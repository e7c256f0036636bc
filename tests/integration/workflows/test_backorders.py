"""Orders that wait for stock rather than be rejected."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from domain.inventory.state import InventoryState
from tests.integration.workflows.sagas import Sagas, an_order


async def waiting(sagas: Sagas, wanted: int = 2, on_hand: int = 1) -> tuple[str, str]:
    """An order that waits for its stock, and its SKU."""
    sku = await sagas.stocked(on_hand)
    order_id = await sagas.place(an_order((sku, wanted), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    return order_id, sku


async def test_an_order_waits_for_its_stock_and_goes_on_as_soon_as_it_has_come(
    sagas: Sagas,
) -> None:
    order_id, sku = await waiting(sagas)
    assert await sagas.events(f"order-{order_id}") == ["OrderCreated"]
    assert await sagas.money(order_id) == {}

    await sagas.receive(sku, 1)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=2, shipped=2)


async def test_an_order_for_which_too_little_has_come_waits_on(sagas: Sagas) -> None:
    order_id, sku = await waiting(sagas, wanted=3)

    await sagas.receive(sku, 1)
    await sagas.receive(sku, 1)
    await sagas.until(f"order-{order_id}", "OrderReserved")

    assert await sagas.inventory(sku) == InventoryState(received=3, reservations={order_id: 3})
    assert (await sagas.events(f"inventory-{sku}")).count("BackorderQueued") == 1


async def test_the_order_that_has_waited_longest_is_woken_first(sagas: Sagas) -> None:
    first, sku = await waiting(sagas)
    second = await sagas.place(an_order((sku, 2), backorder=True))
    async with asyncio.timeout(20):
        while second not in (await sagas.inventory(sku)).waiting:  # noqa: ASYNC110 - a fact to wait for
            await asyncio.sleep(0.01)

    await sagas.receive(sku, 1)

    await sagas.until(f"order-{first}", "OrderReserved")
    assert await sagas.events(f"order-{second}") == ["OrderCreated"]


async def test_an_order_whose_stock_does_not_come_in_time_is_rejected_and_waits_no_more(
    sagas: Sagas,
) -> None:
    order_id, sku = await waiting(sagas.within(backorder=timedelta(milliseconds=200)))

    assert await sagas.end(order_id) == "REJECTED"
    assert await sagas.events(f"order-{order_id}") == ["OrderCreated", "OrderRejected"]
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {}


async def test_an_order_that_is_cancelled_while_it_waits_waits_no_more(sagas: Sagas) -> None:
    order_id, sku = await waiting(sagas)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "CUSTOMER_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {}


async def test_stock_that_a_cancelled_order_gives_back_wakes_the_order_that_waits_for_it(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(2)
    holder = await sagas.place(an_order((sku, 2)))
    await sagas.until(f"order-{holder}", "OrderReserved")
    waiter = await sagas.place(an_order((sku, 2), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")

    await sagas.cancel(holder)

    await sagas.until(f"order-{waiter}", "OrderReserved")
    assert await sagas.inventory(sku) == InventoryState(received=2, reservations={waiter: 2})


async def test_a_waiting_order_that_is_taken_up_waits_on(sagas: Sagas) -> None:
    order_id, sku = await waiting(sagas)
    await sagas.terminate(order_id)
    await sagas.take_up(order_id)

    await sagas.receive(sku, 1)

    await sagas.until(f"order-{order_id}", "OrderReserved")
    assert await sagas.inventory(sku) == InventoryState(received=2, reservations={order_id: 2})
