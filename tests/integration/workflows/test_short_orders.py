"""An adjustment takes away pieces that orders have reserved: an operator decides on them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from activities.command_handler import CommandHandler, Step
from activities.short_orders import ShortOrders
from domain.inventory.commands import AdjustmentReason, AdjustStock
from domain.inventory.state import InventoryState
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from kit.pool import Pool
from providers.payment_simulator.methods import DECLINED, VISA
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order

FOUND, RESOLVED = "DiscrepancyFound", "DiscrepancyResolved"


def lost(sku: str, pieces: int) -> AdjustStock:
    return AdjustStock(aggregate_id=sku, difference=-pieces, reason=AdjustmentReason.LOST)


async def booked(sagas: Sagas, sku: str, quantity: int) -> str:
    """Place and pay an order whose parcel is booked."""
    order_id = await sagas.place(an_order((sku, quantity)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def left_short(sagas: Sagas) -> tuple[str, str]:
    """Return an order that is left short of 2 pieces, and its SKU: 1 of 2 is lost."""
    sku = await sagas.stocked(2)
    order_id = await booked(sagas, sku, 2)
    await sagas.run(lost(sku, 1))
    await sagas.until(f"saga-{order_id}", FOUND)
    return order_id, sku


async def unpaid(sagas: Sagas) -> tuple[str, str]:
    """Return an order that waits for its customer to pay, and is left short; and its SKU."""
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    await sagas.run(lost(sku, 2))
    await sagas.until(f"saga-{order_id}", FOUND)
    return order_id, sku


async def test_the_latest_reservations_are_short_until_their_pieces_arrive(sagas: Sagas) -> None:
    sku = await sagas.stocked(5)
    oldest, latest = await booked(sagas, sku, 2), await booked(sagas, sku, 3)

    await sagas.run(lost(sku, 1))

    await sagas.until(f"saga-{latest}", FOUND)
    [found] = await sagas.store.load_events(f"saga-{latest}")
    assert found.data == {
        "order_id": latest,
        "system": "STOCK",
        "ours": f"3 of {sku} reserved",
        "theirs": f"not on hand: {sku}",
    }
    await sagas.receive(sku, 1)
    await sagas.until(f"saga-{latest}", RESOLVED)
    assert await sagas.events(f"saga-{oldest}") == []
    assert await sagas.inventory(sku) == InventoryState(
        received=6, adjusted=-1, reservations={oldest: 2, latest: 3}
    )


async def test_a_short_order_is_settled_by_its_cancellation(sagas: Sagas) -> None:
    order_id, sku = await left_short(sagas)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    await sagas.until(f"saga-{order_id}", RESOLVED)
    assert await sagas.inventory(sku) == InventoryState(received=2, adjusted=-1)
    assert await sagas.money(order_id) == {"authorized": (1, 500), "voided": (1, 500)}


async def test_the_pieces_of_a_cancelled_order_make_good_a_later_one(sagas: Sagas) -> None:
    sku = await sagas.stocked(4)
    oldest, latest = await booked(sagas, sku, 2), await booked(sagas, sku, 2)
    await sagas.run(lost(sku, 1))
    await sagas.until(f"saga-{latest}", FOUND)

    await sagas.cancel(oldest)

    await sagas.until(f"saga-{latest}", RESOLVED)
    assert (await sagas.inventory(sku)).short == {}


async def test_no_order_waits_for_pieces_of_a_product_that_orders_are_short_of(
    sagas: Sagas,
) -> None:
    order_id, sku = await left_short(sagas)
    waiting = await sagas.place(an_order((sku, 1), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")

    await sagas.receive(sku, 1)
    await sagas.until(f"saga-{order_id}", RESOLVED)
    assert await sagas.events(f"order-{waiting}") == ["OrderCreated"]
    await sagas.receive(sku, 1)

    await sagas.until(f"order-{waiting}", "OrderReserved")


async def test_no_parcel_is_booked_for_a_short_order_until_its_goods_arrive(sagas: Sagas) -> None:
    order_id, sku = await unpaid(sagas)

    await sagas.pay_with(order_id, VISA)

    parked = await sagas.parked(order_id, "create_shipment")
    assert (parked["code"], parked["message"]) == (
        "INSUFFICIENT_STOCK",
        f"order {order_id} has reserved 2 of {sku}, not on hand: receive them, or cancel it",
    )
    assert await sagas.carrier_simulator.effects(order_id) == {}
    await sagas.receive(sku, 2)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=4, adjusted=-2, shipped=2)


async def test_a_parcel_that_waited_for_its_goods_has_its_whole_time_to_be_collected(
    sagas: Sagas, owner: asyncpg.Connection
) -> None:
    """The goods come six minutes after the payment, and the carrier has five to collect them."""
    order_id, sku = await unpaid(sagas)
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")

    await sagas.outlast(order_id, owner)
    await sagas.receive(sku, 2)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    closes_at = await sagas.waits_until(f"order-{order_id}")
    booked = (await sagas.store.load_events(f"shipment-{order_id}"))[-1]
    assert abs(closes_at - booked.recorded_at - sagas.deadlines.dispatch) < timedelta(seconds=3)
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"


async def test_a_parcel_whose_hold_ends_while_it_waits_for_goods_waits_for_the_customer(
    sagas: Sagas,
) -> None:
    order_id, sku = await unpaid(sagas)
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    canceled = PaymentNotification(order_id, 2, PaymentNotificationKind.CANCELED)
    await sagas.orchestrator.handle_event(canceled)

    await sagas.receive(sku, 2)

    await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn")
    await sagas.until(f"saga-{order_id}", "SagaUnparked")
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert (await sagas.events(f"saga-{order_id}")).count("SagaParked") == 1
    assert (await sagas.inventory(sku)).short == {}


async def test_a_short_order_whose_parcel_waits_can_be_cancelled(sagas: Sagas) -> None:
    order_id, sku = await unpaid(sagas)
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert "created" not in await sagas.carrier_simulator.effects(order_id)
    assert await sagas.inventory(sku) == InventoryState(received=2, adjusted=-2)
    _, voided = (await sagas.money(order_id))["voided"]
    assert voided == 500


async def test_a_parcel_that_leaves_all_the_same_is_recorded(sagas: Sagas, pool: Pool) -> None:
    """The pieces were there: the adjustment was wrong, and an operator finds them in the end."""
    order_id, sku = await left_short(sagas)

    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await ShortOrders(pool, CommandHandler(sagas.store)).compare_some()

    await sagas.until(f"saga-{order_id}", RESOLVED)
    assert await sagas.inventory(sku) == InventoryState(received=2, adjusted=-1, shipped=2)
    assert (await sagas.inventory(sku)).on_hand == -1


async def test_the_recovery_finds_a_short_order_whose_workflow_was_lost(
    sagas: Sagas, pool: Pool
) -> None:
    sku = await sagas.stocked(2)
    order_id = await booked(sagas, sku, 2)
    handler = CommandHandler(sagas.store)
    await handler.handle(Step("test", f"{sku}/unattended", sku), lost(sku, 1))

    await ShortOrders(pool, handler).compare_some()

    assert await sagas.events(f"saga-{order_id}") == [FOUND]


@pytest.mark.parametrize("pieces", [1, 2])
async def test_an_adjustment_answers_before_its_orders_are_compared(
    sagas: Sagas, pieces: int
) -> None:
    sku = await sagas.stocked(2)
    order_id = await booked(sagas, sku, 2)

    async with sagas.gates.stopped("compare_stock", sku, When.BEFORE) as gate:
        await sagas.run(lost(sku, pieces))
        await gate.reached()
        assert await sagas.events(f"saga-{order_id}") == []

    await sagas.until(f"saga-{order_id}", FOUND)
