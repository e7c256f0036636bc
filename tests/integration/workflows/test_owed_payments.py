"""A parcel that has left unpaid: its customer pays again, once, or its order gives nothing back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import LOST, NEVER_DELIVERED, NORMAL, RETURNED_TO_SENDER
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.integration.workflows.conftest import Sagas
from tests.integration.workflows.hold_fixture import (
    CANCELED,
    DELIVERED,
    DISPATCHED,
    HELD_ONCE,
    PAID_AGAIN,
    confirmed,
    pay_again,
)


async def owed(sagas: Sagas, sku: str, postal_code: str = NEVER_DELIVERED) -> str:
    """Return an order whose parcel has left although its hold was released."""
    order_id = await confirmed(sagas, sku, postal_code)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    await sagas.notify(order_id, DISPATCHED)
    parked = await sagas.parked(order_id, "capture")
    assert parked["code"] == ErrorCode.PAYMENT_OWED
    return order_id


async def test_a_parcel_that_left_unpaid_is_paid_again_once(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await owed(sagas, sku)

    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_an_owed_order_is_delivered_and_completes_only_when_it_is_paid(
    sagas: Sagas,
) -> None:
    order_id = await owed(sagas, await sagas.stocked(1))

    await sagas.notify(order_id, DELIVERED)
    await sagas.until(f"order-{order_id}", "OrderDelivered")
    await sagas.intervene(order_id, "capture", Intervention.RETRY)
    await sagas.parked(order_id, "capture", times=2)
    with pytest.raises(Refused) as refusal:
        await sagas.orchestrator.compensate_saga(order_id, actor="customer:test")
    assert refusal.value.code is ErrorCode.ORDER_NOT_CANCELLABLE
    assert "OrderCompleted" not in await sagas.events(f"order-{order_id}")
    await pay_again(sagas, order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


async def test_a_hold_that_ends_while_the_capture_is_parked_is_owed(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await confirmed(sagas, sku, NEVER_DELIVERED)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, DISPATCHED)
        assert (await sagas.parked(order_id, "capture"))["code"] == "PROVIDER_REFUSED"

    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_second_hold_that_ends_before_its_capture_is_owed_again(sagas: Sagas) -> None:
    order_id = await owed(sagas, await sagas.stocked(1))
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await pay_again(sagas, order_id, key="first")
        await sagas.until(f"payment-{order_id}", "PaymentAuthorized", times=2)
        await sagas.payment_simulator.end_hold(order_id)
        await sagas.payment_simulator.until_recorded(order_id, "expired", times=2)

    await sagas.orchestrator.handle_event(PaymentNotification(order_id, 2, CANCELED))
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded", times=2)
    await pay_again(sagas, order_id, key="second")
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {
        "authorized": (3, 750),
        "expired": (2, 500),
        "captured": (1, 250),
    }


async def test_a_customer_whose_card_is_declined_pays_an_owed_order_with_another(
    sagas: Sagas,
) -> None:
    order_id = await owed(sagas, await sagas.stocked(1))

    await pay_again(sagas, order_id, DECLINED, key="first")
    await sagas.until(f"payment-{order_id}", "PaymentDeclined")
    await pay_again(sagas, order_id, VISA, key="second")
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {**PAID_AGAIN, "voided": (1, 0)}


async def test_an_owed_parcel_that_comes_back_is_in_stock_and_refunds_nothing(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order_id = await owed(sagas, sku, RETURNED_TO_SENDER)
    await sagas.carrier_simulator.until_recorded(order_id, "returned_to_sender")

    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED_TO_SENDER)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_RETURNED"
    assert await sagas.money(order_id) == HELD_ONCE
    assert await sagas.inventory(sku) == InventoryState(received=1, returns=(order_id,))


async def test_a_recovered_saga_collects_what_is_owed(sagas: Sagas) -> None:
    order_id = await owed(sagas, await sagas.stocked(1))

    await sagas.terminate(order_id)
    await sagas.recover(order_id)
    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_AGAIN


async def test_an_attempt_that_waits_for_its_customer_ends_when_the_capture_is_resolved(
    sagas: Sagas,
) -> None:
    order_id = await owed(sagas, await sagas.stocked(1))
    await pay_again(sagas, order_id, APPROVAL)
    await sagas.until(f"payment-{order_id}", "PaymentPending")

    await sagas.intervene(order_id, "capture", Intervention.RESOLVE)
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {**HELD_ONCE, "voided": (1, 0)}
    assert (await sagas.events(f"payment-{order_id}"))[-1] == "PaymentSettledByOperator"


async def test_an_operator_settles_what_is_owed_outside_of_waybill(sagas: Sagas) -> None:
    order_id = await owed(sagas, await sagas.stocked(1))

    await sagas.intervene(order_id, "capture", Intervention.RESOLVE)
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == HELD_ONCE


@pytest.mark.parametrize("by", ["carrier", "operator"])
async def test_an_owed_order_that_compensates_takes_no_money(sagas: Sagas, by: str) -> None:
    order_id = await owed(sagas, await sagas.stocked(1), LOST)

    if by == "operator":
        await sagas.intervene(order_id, "capture", Intervention.COMPENSATE)
    else:
        await sagas.carrier_simulator.until_recorded(order_id, "lost")
        await sagas.notify(order_id, ShipmentNotificationKind.LOST)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == HELD_ONCE
    assert (await sagas.events(f"payment-{order_id}"))[-1] == "PaymentVoided"


async def test_a_paid_parcel_that_is_lost_later_is_refunded(sagas: Sagas) -> None:
    order_id = await owed(sagas, await sagas.stocked(1), LOST)

    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {**PAID_AGAIN, "refunded": (1, 250)}


async def test_a_return_of_an_owed_order_refunds_only_what_was_paid(sagas: Sagas) -> None:
    """The refund parks while nothing was captured, and is made once the customer has paid."""
    patient = sagas.within(return_window=timedelta(minutes=5))
    sku = await sagas.stocked(1)
    order_id = await owed(patient, sku, NORMAL)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await sagas.notify(order_id, DELIVERED)
    await sagas.until(f"order-{order_id}", "OrderDelivered")

    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.parked(order_id, "refund")
    await pay_again(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.intervene(order_id, "refund", Intervention.RETRY)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {**PAID_AGAIN, "refunded": (1, 250)}
    assert (await sagas.inventory(sku)).on_hand == 1
