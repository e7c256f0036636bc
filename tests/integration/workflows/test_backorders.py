"""Orders may wait for stock rather than be rejected."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import EventType

from activities.command_handler import CommandHandler, Step
from activities.orders import OrderActivitiesImpl
from activities.types.order import CancellationInput, PlaceInput
from domain.command import Command
from domain.ids import stock_workflow_id
from domain.inventory.commands import QueueBackorder, ReceiveStock
from domain.inventory.state import InventoryState
from domain.order.commands import CancellationReason
from kit.eventually import eventually
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order


async def waiting(sagas: Sagas, wanted: int = 2, on_hand: int = 1) -> tuple[str, str]:
    """Place an order that waits for its stock; return it and its SKU."""
    sku = await sagas.stocked(on_hand)
    order_id = await sagas.place(an_order((sku, wanted), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    return order_id, sku


async def test_a_backorder_continues_as_soon_as_its_stock_arrives(
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

    async def is_queued() -> bool:
        return second in (await sagas.inventory(sku)).waiting

    await eventually(is_queued)

    await sagas.receive(sku, 1)

    await sagas.until(f"order-{first}", "OrderReserved")
    assert await sagas.events(f"order-{second}") == ["OrderCreated"]


async def test_a_backorder_without_stock_in_time_is_rejected_and_leaves_the_queue(
    sagas: Sagas,
) -> None:
    order_id, sku = await waiting(sagas.within(backorder=timedelta(milliseconds=200)))

    assert await sagas.end(order_id) == "REJECTED"
    assert await sagas.events(f"order-{order_id}") == ["OrderCreated", "OrderRejected"]
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {}


async def test_stock_that_comes_before_the_order_is_queued_is_found_at_once(sagas: Sagas) -> None:
    """The order is not queued yet when its stock arrives, so the receipt wakes no order."""
    sku = await sagas.stocked(1)
    order = an_order((sku, 2), backorder=True)
    order_id = order.aggregate_id

    async with sagas.gates.stopped("backorder", order_id, When.BEFORE) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.receive(sku, 1)
        await sagas.until_closed(stock_workflow_id(sku))
    await placing

    await sagas.until(f"order-{order_id}", "OrderReserved")
    assert await sagas.inventory(sku) == InventoryState(received=2, reservations={order_id: 2})
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED not in await sagas.written(order_id)


async def test_stock_without_a_notification_is_found_at_the_deadline(sagas: Sagas) -> None:
    order_id, sku = await waiting(sagas.within(backorder=timedelta(seconds=1)))

    receipt = ReceiveStock(aggregate_id=sku, quantity=1)
    await CommandHandler(sagas.store).handle(Step("test", f"{sku}/unnotified", sku), receipt)

    await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert await sagas.inventory(sku) == InventoryState(received=2, reservations={order_id: 2})


class CancelledInBetween(CommandHandler):
    """The order is cancelled between the activity's read of it and the activity's first append."""

    def __init__(self, sagas: Sagas) -> None:
        super().__init__(sagas.store)
        self._sagas = sagas
        self._is_cancelled = False

    async def handle(self, step: Step, *commands: Command) -> int:
        if isinstance(commands[0], QueueBackorder) and not self._is_cancelled:
            self._is_cancelled = True
            await self._cancel(step.correlation_id)
        return await super().handle(step, *commands)

    async def _cancel(self, order_id: str) -> None:
        request = CancellationInput(order_id, CancellationReason.CUSTOMER_REQUEST, "customer:test")
        await self._sagas.stray("start_compensation", order_id, request)
        await self._sagas.stray("release", order_id)
        await self._sagas.stray("cancel", order_id)


async def test_a_stray_attempt_queues_no_sku_of_a_cancelled_order(
    sagas: Sagas,
) -> None:
    cups, pots = await sagas.stocked(1), await sagas.stocked(1)
    order = an_order((cups, 2), (pots, 2), backorder=True)
    order_id = order.aggregate_id
    await sagas.stray("place", order_id, PlaceInput(order, "customer:test"))
    sagas.activities["backorder"] = OrderActivitiesImpl(CancelledInBetween(sagas)).backorder

    assert await sagas.stray("backorder", order_id) is False

    assert await sagas.inventory(cups) == InventoryState(received=1)
    assert await sagas.inventory(pots) == InventoryState(received=1)


async def test_a_backorder_waits_for_each_of_its_skus(sagas: Sagas) -> None:
    cups, pots = await sagas.stocked(1), await sagas.stocked(1)
    order_id = await sagas.place(an_order((cups, 2), (pots, 2), backorder=True))
    await sagas.until(f"inventory-{cups}", "BackorderQueued")
    await sagas.until(f"inventory-{pots}", "BackorderQueued")

    await sagas.receive(cups, 1)
    await sagas.receive(pots, 1)

    await sagas.until(f"order-{order_id}", "OrderReserved")
    assert await sagas.inventory(cups) == InventoryState(received=2, reservations={order_id: 2})
    assert await sagas.inventory(pots) == InventoryState(received=2, reservations={order_id: 2})


async def test_a_waiting_order_that_is_cancelled_leaves_the_queue(sagas: Sagas) -> None:
    order_id, sku = await waiting(sagas)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "CUSTOMER_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == {}


async def test_stock_of_a_cancelled_order_wakes_the_waiting_order(
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


async def test_a_recovered_waiting_order_keeps_waiting(sagas: Sagas) -> None:
    order_id, sku = await waiting(sagas)
    await sagas.terminate(order_id)
    await sagas.recover(order_id)

    await sagas.receive(sku, 1)

    await sagas.until(f"order-{order_id}", "OrderReserved")
    assert await sagas.inventory(sku) == InventoryState(received=2, reservations={order_id: 2})
