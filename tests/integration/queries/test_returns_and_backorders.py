"""The read models show returns, backorders and parcels that were lost or are overdue."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.event import Event
from domain.inventory import events as inventory
from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.order.state import OrderStatus
from domain.shipping import events as shipping
from domain.shipping.state import ShipmentStatus
from projections.tables import backorder_view, inventory_view
from queries.order_view import OrderView, ShipmentView
from queries.orders import OrderQueries
from tests.support.order_log import OrderLog
from tests.support.order_parts import PLACED_AT

PART = (ReturnedLine(sku="mug", quantity=1),)
REFUND = Price(currency="EUR", lines=250, total=250)
REQUESTED = order.OrderReturnRequested(order_id="o1", lines=PART, refund=REFUND)
COMPENSATING = order.OrderCancellationRequested(
    order_id="o1", reason=CancellationReason.PARCEL_LOST
)


async def of(orders: OrderQueries) -> OrderView:
    view = await orders.get("o1")
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (
            order.OrderReturned(
                order_id="o1", lines=PART, refund=REFUND, refunded=REFUND.money, is_whole=False
            ),
            OrderStatus.DELIVERED,
        ),
        (
            order.OrderReturned(
                order_id="o1", lines=PART, refund=REFUND, refunded=REFUND.money, is_whole=True
            ),
            OrderStatus.RETURNED,
        ),
        (order.OrderReturnLapsed(order_id="o1"), OrderStatus.DELIVERED),
        (COMPENSATING, OrderStatus.CANCELLING),
    ],
)
async def test_a_return_is_shown_while_it_is_in_progress(
    orders: OrderQueries, log: OrderLog, end: Event, status: OrderStatus
) -> None:
    await log.place("o1")
    await log.append("order-o1", order.OrderDelivered(order_id="o1"))
    before = await of(orders)
    await log.append("order-o1", REQUESTED)
    in_progress = await of(orders)
    await log.append("order-o1", end)
    after = await of(orders)

    assert (before.return_requested, in_progress.return_requested) == (False, True)
    assert in_progress.status is OrderStatus.DELIVERED
    assert (after.return_requested, after.status) == (False, status)


async def test_an_order_is_backordered_while_it_waits_for_anything(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("o1")
    await log.place("o2")
    seen = [(await of(orders)).backordered]
    for sku in ("mug", "pot"):
        queued = inventory.BackorderQueued(sku=sku, order_id="o1", quantity=2, since=PLACED_AT)
        await log.append(f"inventory-{sku}", queued)
    seen.append((await of(orders)).backordered)
    for sku in ("mug", "pot"):
        ended = inventory.BackorderEnded(sku=sku, order_id="o1", quantity=2)
        await log.append(f"inventory-{sku}", ended)
        seen.append((await of(orders)).backordered)
    other = await orders.get("o2")

    assert seen == [False, True, True, False]
    assert other is not None
    assert not other.backordered


async def test_returned_goods_are_on_hand_again_and_no_order_waits_for_ever(
    engine: AsyncEngine, log: OrderLog
) -> None:
    await log.receive("mug", 5)
    await log.append(
        "inventory-mug",
        inventory.InventoryReserved(sku="mug", order_id="o1", quantity=3),
        inventory.InventoryCommitted(sku="mug", order_id="o1", quantity=3),
        inventory.BackorderQueued(sku="mug", order_id="o2", quantity=9, since=PLACED_AT),
        inventory.StockReturned(sku="mug", order_id="o1", quantity=2),
    )
    async with engine.connect() as connection:
        view = inventory_view.c
        stock = (
            await connection.execute(
                select(view.received, view.on_hand, view.reserved, view.shipped)
            )
        ).one()
        waiting = (await connection.execute(select(backorder_view))).one()

    assert tuple(stock) == (5, 4, 0, 1)
    assert (waiting.order_id, waiting.sku, waiting.quantity) == ("o2", "mug", 9)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (shipping.ShipmentDispatched(order_id="o1"), ShipmentStatus.DISPATCHED),
        (shipping.ShipmentLost(order_id="o1"), ShipmentStatus.LOST),
    ],
)
async def test_a_parcel_that_left_before_its_record_is_shown_without_its_number(
    orders: OrderQueries, log: OrderLog, event: Event, status: ShipmentStatus
) -> None:
    created = shipping.ShipmentCreated(order_id="o1", shipment_id="s1")
    numbered = shipping.TrackingNumberAssigned(
        order_id="o1", tracking_number="T1", carrier=None, tracking_url=None
    )
    await log.place("o1")
    await log.append("shipment-o1", event)
    early = await of(orders)
    await log.append("shipment-o1", created, numbered)
    late = await of(orders)

    assert early.shipment == ShipmentView(status, None, None, None)
    assert late.shipment == ShipmentView(status, "T1", None, None)


async def test_a_shipment_cancelled_before_it_was_recorded_is_not_shown(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("o1")
    await log.append("shipment-o1", shipping.ShipmentCancelled(order_id="o1"))
    assert (await of(orders)).shipment is None


async def test_a_return_advances_the_position_and_not_the_shipment(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("o1")
    await log.append(
        "shipment-o1",
        shipping.ShipmentCreated(order_id="o1", shipment_id="s1"),
        shipping.ShipmentDispatched(order_id="o1"),
        shipping.ShipmentDelivered(order_id="o1"),
    )
    position = await log.append(
        "shipment-o1",
        shipping.ShipmentReturnRequested(order_id="o1", return_id="r1"),
        shipping.ShipmentReturned(order_id="o1"),
    )
    view = await of(orders)
    assert (view.shipment, view.position) == (
        ShipmentView(ShipmentStatus.DELIVERED, None, None, None),
        position,
    )
