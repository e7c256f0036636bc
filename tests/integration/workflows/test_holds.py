"""A hold that ends before the parcel has left: nothing is shipped unpaid, and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import ErrorCode
from domain.inventory.state import InventoryState
from domain.order.commands import CancellationReason
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
)
from domain.saga.commands import Intervention
from providers.payment_simulator.methods import APPROVAL, DECLINED, SHORT_HOLD, VISA
from tests.integration.workflows.conftest import Sagas, an_order
from tests.integration.workflows.hold_fixture import (
    CANCELED,
    DELIVERED,
    DISPATCHED,
    HELD_ONCE,
    PAID_AGAIN,
    confirmed,
    pay_again,
)
from tests.support.gates import When


async def test_an_authorization_records_until_when_it_can_be_captured(sagas: Sagas) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))

    authorized = (await sagas.store.load_events(f"payment-{order_id}"))[-1]

    ends_at = datetime.fromisoformat(authorized.data["capture_before"])
    left = ends_at - datetime.now(UTC)
    assert timedelta(days=6, hours=23, minutes=50) < left <= timedelta(days=7)


async def test_a_released_hold_stops_the_parcel_until_the_customer_has_paid_again(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order_id = await confirmed(sagas, sku)

    await sagas.release_hold(order_id)
    assert await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn") == [
        "OrderCreated",
        "OrderReserved",
        "OrderAuthorized",
        "OrderConfirmed",
        "OrderConfirmationWithdrawn",
    ]
    assert await sagas.events(f"shipment-{order_id}") == ["ShipmentCreated", "ShipmentStopped"]
    assert await sagas.carrier_simulator.effects(order_id) == {
        "created": (1, 1),
        "cancelled": (1, 1),
    }
    assert (await sagas.inventory(sku)).reserved == 1
    await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentAuthorized",
        "PaymentHoldEnded",
        "PaymentRequested",
        "PaymentAuthorized",
        "PaymentCaptured",
    ]
    assert await sagas.money(order_id) == PAID_AGAIN
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_released_hold_that_nobody_replaces_cancels_the_order(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    patient = sagas.within(payment_window=timedelta(seconds=2))
    order_id = await confirmed(patient, sku)

    await sagas.release_hold(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PAYMENT_WINDOW_CLOSED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == HELD_ONCE
    assert (await sagas.events(f"payment-{order_id}"))[-1] == "PaymentVoided"
    effects = await sagas.carrier_simulator.effects(order_id)
    assert "dispatched" not in effects


async def test_a_hold_that_runs_out_by_its_own_time_is_let_go_before_its_end(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=SHORT_HOLD))

    ended = await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    assert ended == ["PaymentRequested", "PaymentAuthorized", "PaymentHoldEnded"]
    event = (await sagas.store.load_events(f"payment-{order_id}"))[-1]
    assert event.data["cause"] == "RUNNING_OUT"
    await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {
        "authorized": (2, 500),
        "voided": (1, 250),
        "captured": (1, 250),
    }
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_notification_of_a_hold_that_lasts_changes_nothing(sagas: Sagas) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))

    await sagas.orchestrator.handle_event(PaymentNotification(order_id, 1, CANCELED))
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert "ShipmentStopped" not in await sagas.events(f"shipment-{order_id}")


async def test_a_payment_that_the_api_key_does_not_know_ends_no_hold(sagas: Sagas) -> None:
    """The key is of another account or mode for a while."""
    order_id = await confirmed(sagas, await sagas.stocked(1))

    with sagas.payment_simulator.failing(order_id, "look", "404"):
        await sagas.orchestrator.handle_event(PaymentNotification(order_id, 1, CANCELED))
        await sagas.until_failed(order_id, "check_hold", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert "PaymentHoldEnded" not in await sagas.events(f"payment-{order_id}")
    assert "ShipmentStopped" not in await sagas.events(f"shipment-{order_id}")


async def test_a_capture_with_a_key_of_another_account_asks_no_customer_to_pay_again(
    sagas: Sagas,
) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))

    with sagas.payment_simulator.failing(order_id, "*", "404"):
        await sagas.notify(order_id, DISPATCHED)
        await sagas.until_failed(order_id, "capture", times=2)
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}
    assert "PaymentHoldEnded" not in await sagas.events(f"payment-{order_id}")
    assert "SagaParked" not in await sagas.events(f"saga-{order_id}")


async def test_a_customer_cancels_while_the_order_waits_to_be_paid_again(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await confirmed(sagas, sku)
    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")

    await sagas.orchestrator.compensate_saga(
        order_id, reason=CancellationReason.CUSTOMER_REQUEST, actor="customer:test"
    )

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "CUSTOMER_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == HELD_ONCE


async def test_a_declined_method_leaves_the_window_open_for_another(sagas: Sagas) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))
    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")

    await pay_again(sagas, order_id, DECLINED, key="first")
    await sagas.until(f"payment-{order_id}", "PaymentDeclined")
    assert "ShipmentCreated" not in (await sagas.events(f"shipment-{order_id}"))[1:]
    await pay_again(sagas, order_id, VISA, key="second")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {**PAID_AGAIN, "voided": (1, 0)}


async def test_the_carrier_is_asked_to_stop_until_it_answers(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await confirmed(sagas, sku)

    with sagas.carrier_simulator.failing(order_id, "cancel", "down"):
        await sagas.release_hold(order_id)
        await sagas.until_failed(order_id, "stop_parcel", times=1)
        assert "PaymentHoldEnded" not in await sagas.events(f"payment-{order_id}")
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


@pytest.mark.parametrize("when", ["waiting", "paid"])
async def test_a_recovered_saga_goes_on_where_the_hold_has_ended(sagas: Sagas, when: str) -> None:
    sku = await sagas.stocked(1)
    order_id = await confirmed(sagas, sku)
    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    if when == "paid":
        await pay_again(sagas, order_id)
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)

    await sagas.terminate(order_id)
    await sagas.recover(order_id)
    if when == "waiting":
        await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_recovered_saga_asks_for_a_hold_that_ended_while_it_was_away(sagas: Sagas) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))
    await sagas.terminate(order_id)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")

    await sagas.recover(order_id)

    await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn")
    await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


async def test_a_hold_may_end_twice(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await confirmed(sagas, sku)
    for time in (1, 2):
        await sagas.payment_simulator.end_hold(order_id)
        await sagas.payment_simulator.until_recorded(order_id, "expired", time)
        await sagas.orchestrator.handle_event(PaymentNotification(order_id, time, CANCELED))
        await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn", times=time)
        await pay_again(sagas, order_id, key=str(time))
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=time + 1)

    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {
        "authorized": (3, 750),
        "expired": (2, 500),
        "captured": (1, 250),
    }
    assert await sagas.carrier_simulator.effects(order_id) == {
        "created": (3, 3),
        "cancelled": (2, 2),
    }
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_hold_that_ends_while_the_parcel_is_booked_stops_the_parcel(sagas: Sagas) -> None:
    order = an_order((await sagas.stocked(1), 1))
    order_id = order.aggregate_id
    async with sagas.gates.stopped("create_shipment", order_id, When.AFTER) as gate:
        await sagas.place(order)
        await gate.reached()
        await sagas.release_hold(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentStopped")
    await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


async def test_a_hold_that_ends_before_its_approval_is_heard_of_leaves_the_window_open(
    sagas: Sagas,
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    pending = await sagas.until(f"payment-{order_id}", "PaymentPending")
    assert pending == ["PaymentRequested", "PaymentPending"]
    reference = (await sagas.store.load_events(f"payment-{order_id}"))[-1].data["reference"]
    await sagas.payment_simulator.authenticate(reference, "approve")

    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentDeclined")
    late = PaymentNotification(order_id, 1, PaymentNotificationKind.AUTHORIZED)
    await sagas.orchestrator.handle_event(late)
    await pay_again(sagas, order_id)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert (await sagas.events(f"order-{order_id}")).count("OrderConfirmed") == 1
    assert await sagas.money(order_id) == {"authorized": (2, 500), "expired": (1, 250)}
    await sagas.terminate(order_id)


async def test_a_parcel_that_leaves_while_its_stop_is_parked_is_owed(sagas: Sagas) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))
    with sagas.carrier_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.release_hold(order_id)
        await sagas.parked(order_id, "ask_again")
    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="dispatched")

    await sagas.notify(order_id, DISPATCHED)

    assert (await sagas.parked(order_id, "capture"))["code"] == ErrorCode.PAYMENT_OWED
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked", "SagaParked"]
    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


async def test_an_operator_lets_a_parcel_leave_whose_hold_runs_out(sagas: Sagas) -> None:
    """The provider is asked once, and not again and again until the hold has ended."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=SHORT_HOLD))
    with sagas.carrier_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.intervene(order_id, "ask_again", Intervention.SKIP)
        await sagas.payment_simulator.until_recorded(order_id, "expired")

    assert (await sagas.activities_of(order_id)).count("check_hold") == 1
    await sagas.notify(order_id, DISPATCHED)
    assert (await sagas.parked(order_id, "capture"))["code"] == ErrorCode.PAYMENT_OWED
    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


async def test_a_stopped_parcel_that_leaves_is_not_taken_for_the_next_one(sagas: Sagas) -> None:
    order_id = await confirmed(sagas, await sagas.stocked(1))
    await sagas.release_hold(order_id)
    await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn")
    for kind in (DISPATCHED, DELIVERED):
        await sagas.orchestrator.handle_event(ShipmentNotification(order_id, kind, booking=1))
    await pay_again(sagas, order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.orchestrator.handle_event(ShipmentNotification(order_id, DISPATCHED, booking=1))

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {**HELD_ONCE, "authorized": (2, 500), "voided": (1, 250)}
