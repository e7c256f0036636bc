"""Providers report what no step of a saga waits for, some of it after the order has ended."""

from __future__ import annotations

from datetime import timedelta

from domain.order.lines import ReturnedLine
from domain.provider_notifications import PaymentNotificationKind, ShipmentNotificationKind
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import (
    DISPATCHED_AT_SECOND,
    LOST,
    NEVER_COMES_BACK,
    NEVER_DELIVERED,
    NORMAL,
    RETURNED_TO_SENDER,
)
from providers.payment_simulator.methods import APPROVAL, VISA
from providers.references import Booking
from tests.integration.workflows.aftercare_fixture import (
    MONTH,
    PAID,
    REFUNDED,
    aftercare_ended,
    bank_reports,
    facts,
    lapsed,
)
from tests.support.sagas import Sagas, an_order

MOMENT = timedelta(milliseconds=50)


# Goods that come back after their return has lapsed.


async def test_goods_that_come_back_after_the_lapse_are_refunded_and_restocked(
    sagas: Sagas,
) -> None:
    order_id, sku = await lapsed(sagas, MONTH)

    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.events(f"order-{order_id}"))[-4:] == [
        "OrderReturnRequested",
        "OrderReturnLapsed",
        "OrderReturnResumed",
        "OrderReturned",
    ]
    assert await sagas.money(order_id) == REFUNDED
    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (2, 0)


async def test_goods_that_come_back_to_a_complete_order_are_refunded_and_restocked(
    sagas: Sagas,
) -> None:
    order_id, sku = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"

    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    await sagas.until(f"order-{order_id}", "OrderReturned")
    assert (await sagas.events(f"order-{order_id}"))[-3:] == [
        "OrderCompleted",
        "OrderReturnResumed",
        "OrderReturned",
    ]
    assert await sagas.money(order_id) == REFUNDED
    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (2, 0)
    await aftercare_ended(sagas, order_id)
    assert await sagas.events(f"saga-{order_id}") == []


async def test_a_false_report_of_goods_that_are_not_back_refunds_nothing(sagas: Sagas) -> None:
    order_id, sku = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"

    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    await aftercare_ended(sagas, order_id)
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderCompleted"
    assert await sagas.money(order_id) == PAID
    assert (await sagas.inventory(sku)).shipped == 2


async def test_a_customer_asks_again_after_the_lapse(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=MONTH, return_delivery=timedelta(seconds=1))
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NEVER_COMES_BACK))
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")

    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))

    await sagas.until(f"order-{order_id}", "OrderReturned")
    assert (await sagas.events(f"order-{order_id}"))[-4:] == [
        "OrderReturnRequested",
        "OrderReturnLapsed",
        "OrderReturnRequested",
        "OrderReturned",
    ]
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 250)}
    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (1, 1)
    await sagas.terminate(order_id)


async def test_a_return_may_lapse_twice(sagas: Sagas) -> None:
    order_id, sku = await lapsed(sagas, MONTH)

    await sagas.send_back(order_id)

    await sagas.until(f"order-{order_id}", "OrderReturnLapsed", times=2)
    assert await sagas.money(order_id) == PAID
    assert (await sagas.inventory(sku)).shipped == 2
    await sagas.terminate(order_id)


# A parcel that is found, or comes back on its own.


async def test_a_lost_parcel_that_arrives_is_a_discrepancy(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == REFUNDED

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="delivered")
    for _ in range(2):
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
        await aftercare_ended(sagas, order_id)

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    assert await facts(sagas, f"saga-{order_id}") == [
        {"order_id": order_id, "system": "SHIPMENT", "ours": "lost", "theirs": "delivered"}
    ]
    assert await sagas.money(order_id) == REFUNDED
    assert (await sagas.inventory(sku)).shipped == 2


async def test_a_parcel_returned_to_sender_is_restocked_and_refunded(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=RETURNED_TO_SENDER))
    await sagas.carrier_simulator.until_recorded(order_id, "returned_to_sender")

    await sagas.notify(
        order_id,
        ShipmentNotificationKind.DISPATCHED,
        ShipmentNotificationKind.RETURNED_TO_SENDER,
    )

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_RETURNED"
    assert await sagas.money(order_id) == REFUNDED
    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped, stock.reserved) == (2, 0, 0)
    assert (await sagas.events(f"shipment-{order_id}"))[-1] == "ShipmentReturnedToSender"


async def test_a_lost_parcel_that_comes_back_is_in_stock_again(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"

    await sagas.carrier_simulator.happen(
        "shipments", reference=order_id, status="returned_to_sender"
    )
    for _ in range(2):
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED_TO_SENDER)
        await aftercare_ended(sagas, order_id)

    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (2, 0)
    assert await sagas.money(order_id) == REFUNDED
    assert await sagas.events(f"saga-{order_id}") == []


async def test_goods_of_a_lost_parcel_that_come_back_go_to_an_order_that_waits(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"
    waiting = await sagas.place(an_order((sku, 1), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")

    await sagas.carrier_simulator.happen(
        "shipments", reference=order_id, status="returned_to_sender"
    )
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED_TO_SENDER)

    await sagas.until(f"order-{waiting}", "OrderReserved")
    stock = await sagas.inventory(sku)
    assert (stock.on_hand, dict(stock.reservations)) == (2, {waiting: 1})


async def booked_again(sagas: Sagas) -> tuple[str, str]:
    """Return an order whose second parcel has been delivered at the carrier, and its SKU."""
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=timedelta(seconds=2), return_delivery=MOMENT)
    order_id = await patient.place(an_order((sku, 2), postal_code=DISPATCHED_AT_SECOND))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.release_hold(order_id)
    await sagas.pay_with(order_id, VISA)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    return order_id, sku


async def test_a_second_parcel_that_comes_back_after_its_loss_is_in_stock_again(
    sagas: Sagas,
) -> None:
    order_id, sku = await booked_again(sagas)
    second = Booking(order_id, 2).reference
    await sagas.carrier_simulator.happen("shipments", reference=second, status="lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"

    await sagas.carrier_simulator.happen("shipments", reference=second, status="returned_to_sender")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED_TO_SENDER)
    await aftercare_ended(sagas, order_id)

    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (2, 0)
    assert await sagas.events(f"saga-{order_id}") == []


async def test_goods_of_a_second_parcel_that_come_back_after_the_lapse_are_refunded(
    sagas: Sagas,
) -> None:
    order_id, sku = await booked_again(sagas)
    await sagas.notify(
        order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
    )
    await sagas.until(f"order-{order_id}", "OrderDelivered")
    await sagas.send_back(order_id)
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    assert await sagas.end(order_id) == "COMPLETED"

    second = Booking(order_id, 2).reference
    await sagas.carrier_simulator.happen("returns", reference=second)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.until(f"order-{order_id}", "OrderReturned")

    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (2, 0)
    assert (await sagas.money(order_id))["refunded"] == (1, 500)


async def test_a_delivered_parcel_that_comes_back_is_a_discrepancy(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.arrived(an_order((sku, 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"

    await sagas.carrier_simulator.happen(
        "shipments", reference=order_id, status="returned_to_sender"
    )
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED_TO_SENDER)

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    found = (await facts(sagas, f"saga-{order_id}"))[0]
    assert (found["ours"], found["theirs"]) == ("left", "returned to sender")
    assert await sagas.money(order_id) == PAID
    await aftercare_ended(sagas, order_id)


# Notifications that change nothing.


async def test_a_late_notification_that_changes_nothing_leaves_nothing_behind(
    sagas: Sagas,
) -> None:
    order_id = await sagas.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"
    streams = [f"{name}-{order_id}" for name in ("order", "payment", "shipment", "saga")]
    before = [await sagas.events(stream) for stream in streams]

    for kind in PaymentNotificationKind:
        await bank_reports(sagas, order_id, kind)
        await aftercare_ended(sagas, order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    await aftercare_ended(sagas, order_id)

    assert [await sagas.events(stream) for stream in streams] == before


async def test_a_parcel_that_was_given_up_for_a_refund_and_arrives_is_a_discrepancy(
    sagas: Sagas,
) -> None:
    brief = sagas.within(delivery=MOMENT)
    order_id = await brief.place(an_order((await sagas.stocked(2), 2), postal_code=NEVER_DELIVERED))
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.intervene(order_id, "await_delivery", Intervention.COMPENSATE)
    assert await sagas.end(order_id) == "CANCELLED"

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="delivered")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    assert (await facts(sagas, f"saga-{order_id}"))[-1] == {
        "order_id": order_id,
        "system": "SHIPMENT",
        "ours": "left",
        "theirs": "delivered",
    }
    await aftercare_ended(sagas, order_id)
    assert await sagas.money(order_id) == REFUNDED


async def test_an_approval_after_an_operator_has_given_the_undo_up_is_a_discrepancy(
    sagas: Sagas,
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(2), 2), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")
    pending = (await facts(sagas, f"payment-{order_id}"))[-1]
    with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.intervene(order_id, "give_back", Intervention.SKIP)
        assert await sagas.end(order_id) == "CANCELLED"

    await sagas.payment_simulator.authenticate(pending["reference"], "approve")
    await bank_reports(sagas, order_id, PaymentNotificationKind.AUTHORIZED)

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    assert (await facts(sagas, f"saga-{order_id}"))[-1] == {
        "order_id": order_id,
        "system": "PAYMENT",
        "ours": "nothing",
        "theirs": "attempt 1 held",
    }
    await aftercare_ended(sagas, order_id)
