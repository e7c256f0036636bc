"""Providers report what no step of a saga waits for, some of it after the order has ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.types.failures import NO_ANSWER
from domain.ids import aftercare_workflow_id
from domain.order.lines import ReturnedLine
from domain.provider_notifications import PaymentNotificationKind, ShipmentNotificationKind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from providers.carrier_simulator.routes import (
    DISPATCHED_AT_SECOND,
    LOST,
    NEVER_COMES_BACK,
    NEVER_DELIVERED,
    NORMAL,
    RETURNED_TO_SENDER,
)
from providers.payment_simulator.methods import VISA
from providers.references import Booking
from queries.sagas import SagaQueries
from tests.integration.workflows.aftercare_fixture import (
    MONTH,
    PAID,
    REFUNDED,
    aftercare_ended,
    bank_reports,
    facts,
    lapsed,
    returned,
)
from tests.support.gates import When
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


# A refund that fails at the bank.


async def test_a_refund_that_fails_after_the_end_waits_for_an_operator(sagas: Sagas) -> None:
    order_id, _ = await returned(sagas)

    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)

    parked = await sagas.parked(order_id, "refund_again_1")
    assert (parked["code"], parked["workflow_id"]) == ("REFUND_FAILED", f"aftercare-{order_id}")
    assert (await facts(sagas, f"payment-{order_id}"))[-1] == {
        "order_id": order_id,
        "reference": (await facts(sagas, f"payment-{order_id}"))[-1]["reference"],
        "failure": 1,
        "purpose": "refund",
        "amount": {"amount": 500, "currency": "EUR"},
        "refunded_in_all": {"amount": 0, "currency": "EUR"},
    }
    assert await sagas.money(order_id) == {**REFUNDED, "refund_failed": (1, 500)}

    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)
    await aftercare_ended(sagas, order_id)

    assert await sagas.money(order_id) == {
        **PAID,
        "refunded": (2, 1000),
        "refund_failed": (1, 500),
    }
    again = (await facts(sagas, f"payment-{order_id}"))[-1]
    assert (again["amount"]["amount"], again["repeats"]) == (500, 1)


async def test_a_failed_refund_that_an_operator_resolves_is_not_made_again(sagas: Sagas) -> None:
    order_id, _ = await returned(sagas)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    await sagas.intervene(order_id, "refund_again_1", Intervention.RESOLVE)
    await aftercare_ended(sagas, order_id)
    before = await sagas.events(f"saga-{order_id}")

    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    await aftercare_ended(sagas, order_id)

    assert await sagas.money(order_id) == {**REFUNDED, "refund_failed": (1, 500)}
    assert await sagas.events(f"saga-{order_id}") == before
    payment = await facts(sagas, f"payment-{order_id}")
    assert await sagas.events(f"payment-{order_id}") == [
        *("PaymentRequested", "PaymentAuthorized", "PaymentCaptured", "PaymentRefunded"),
        *("PaymentRefundFailed", "PaymentRefundSettledByOperator"),
    ]
    assert (payment[-1]["step"], payment[-1]["amount"]["amount"]) == ("refund_again_1", 500)


async def test_a_refund_that_fails_twice_is_made_good_twice(sagas: Sagas) -> None:
    order_id, _ = await returned(sagas)
    for failure in (1, 2):
        await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
        await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
        await sagas.intervene(order_id, f"refund_again_{failure}", Intervention.RETRY)
        await sagas.until(f"payment-{order_id}", "PaymentRefunded", times=failure + 1)
        await aftercare_ended(sagas, order_id)

    assert await sagas.money(order_id) == {
        **PAID,
        "refunded": (3, 1500),
        "refund_failed": (2, 1000),
    }


async def test_a_refund_of_a_part_fails_while_the_order_goes_on(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.within(return_window=MONTH).arrived(
        an_order((sku, 2), postal_code=NORMAL)
    )
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.until(f"order-{order_id}", "OrderReturned")

    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)

    await sagas.until(f"payment-{order_id}", "PaymentRefunded", times=2)
    assert await sagas.money(order_id) == {
        **PAID,
        "refunded": (2, 500),
        "refund_failed": (1, 250),
    }
    await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()
    await sagas.terminate(order_id)


async def test_the_carrier_is_heard_after_an_operator_has_given_a_failed_refund_up(
    sagas: Sagas,
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(2), 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    await sagas.intervene(order_id, "refund_again_1", Intervention.SKIP)
    await aftercare_ended(sagas, order_id)

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="delivered")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    assert (await facts(sagas, f"saga-{order_id}"))[-1] == {
        "order_id": order_id,
        "system": "SHIPMENT",
        "ours": "lost",
        "theirs": "delivered",
    }
    await aftercare_ended(sagas, order_id)


async def test_a_resolved_refund_of_a_resumed_return_stays_resolved_after_a_loss(
    sagas: Sagas,
) -> None:
    order_id, sku = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        await sagas.parked(order_id, "refund")
    async with sagas.gates.stopped("finish_return", order_id, When.BEFORE) as gate:
        await sagas.intervene(order_id, "refund", Intervention.RESOLVE)
        await gate.reached()
        await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()
        await sagas.orchestrator.resume_aftercare(order_id)
        await sagas.until(f"order-{order_id}", "OrderReturned")

    assert await sagas.money(order_id) == PAID
    assert (await sagas.inventory(sku)).on_hand == 2
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]


# Disputes.


async def test_a_dispute_is_recorded_and_its_loss_gives_the_money_back(sagas: Sagas) -> None:
    order_id = await sagas.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"

    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await aftercare_ended(sagas, order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await aftercare_ended(sagas, order_id)
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentDisputed") == 1

    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="lost")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputeClosed")

    closed = (await facts(sagas, f"payment-{order_id}"))[-1]
    assert (closed["outcome"], closed["lost_in_all"]["amount"]) == ("LOST", 500)
    assert closed["disputed_in_all"]["amount"] == 0
    assert "refunded" not in await sagas.money(order_id)
    await aftercare_ended(sagas, order_id)
    assert await sagas.events(f"saga-{order_id}") == []


@pytest.mark.parametrize(("outcome", "refunds"), [("won", {"refunded": (1, 500)}), ("lost", {})])
async def test_a_return_waits_until_the_dispute_of_its_charge_is_closed(
    sagas: Sagas, outcome: str, refunds: dict[str, tuple[int, int]]
) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.within(return_window=MONTH).arrived(
        an_order((sku, 2), postal_code=NORMAL)
    )
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    assert (await sagas.parked(order_id, "refund"))["code"] == "CHARGE_DISPUTED"
    assert "refunded" not in await sagas.money(order_id)

    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status=outcome)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)

    assert await sagas.end(order_id) == "RETURNED"
    money = await sagas.money(order_id)
    assert {name: money[name] for name in money if name.startswith("refund")} == refunds
    assert (await sagas.inventory(sku)).on_hand == 2
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_retry_that_a_dispute_stops_is_made_again_once_it_is_closed(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    """The step was parked for another reason before: the provider did not answer."""
    sku = await sagas.stocked(2)
    hasty = sagas.within(return_window=MONTH, parked_retry=MOMENT)
    order_id = await hasty.arrived(an_order((sku, 2), postal_code=NORMAL))
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    sagas.gates.fail("refund", order_id, ApplicationError("no", type=NO_ANSWER, non_retryable=True))
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    async def is_disputed() -> bool:
        saga = await ledger.get(order_id)
        parked = saga.parked.get("refund") if saga is not None else None
        return parked is not None and parked.code == "CHARGE_DISPUTED"

    await eventually(is_disputed)
    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="won")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_the_compensation_of_a_disputed_order_parks_with_that_cause(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=NEVER_DELIVERED))
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="lost")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)
    assert (await sagas.parked(order_id, "give_back"))["code"] == "CHARGE_DISPUTED"
    assert "refunded" not in await sagas.money(order_id)

    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="won")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)

    assert await sagas.end(order_id) == "CANCELLED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


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
