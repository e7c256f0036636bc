"""An operator promises what is left of the money, and each refund says what it has given."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import ErrorCode, Refused
from domain.order.commands import RequestRefund
from domain.order.lines import ReturnedLine
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import NEVER_COMES_BACK, NORMAL
from tests.integration.workflows.test_settlements import check_left, refunds_by_hand
from tests.support.sagas import Sagas, an_order

MONTH = timedelta(days=30)
PAID = {"authorized": (1, 500), "captured": (1, 500)}
STEP = "refund_order_1"


async def delivered(sagas: Sagas, postal_code: str = NORMAL) -> tuple[str, str]:
    """Return a delivered order of two pieces at 2.50 EUR, which may be returned, and its SKU."""
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=MONTH)
    return await patient.arrived(an_order((sku, 2), postal_code=postal_code)), sku


async def promise_pieces(sagas: Sagas, order_id: str, sku: str, quantity: int) -> None:
    lines = (ReturnedLine(sku=sku, quantity=quantity),)
    await sagas.run(
        RequestRefund(aggregate_id=order_id, key=uuid4().hex, lines=lines, reason="a scratch")
    )


async def comes_back(sagas: Sagas, order_id: str, *lines: ReturnedLine) -> None:
    await sagas.send_back(order_id, *lines)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)


async def bank_reports(sagas: Sagas, order_id: str, kind: PaymentNotificationKind) -> None:
    await sagas.orchestrator.handle_event(PaymentNotification(order_id, 1, kind))


async def disputed(sagas: Sagas, order_id: str, amount: int) -> str:
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id, amount=amount)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    return str(dispute["id"])


async def loses(sagas: Sagas, order_id: str, dispute_id: str) -> None:
    await sagas.payment_simulator.happen(f"disputes/{dispute_id}", status="lost")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputeClosed")


async def ended(sagas: Sagas, order_id: str) -> tuple[int, bool]:
    """Wait until the refund has ended; return what it has given, and whether it was given up."""
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    stored = await sagas.store.load_events(f"order-{order_id}")
    [end] = [event.data for event in stored if event.type == "OrderRefundEnded"]
    return end["refunded"]["amount"], end["is_given_up"]


async def test_a_refund_whose_money_a_lost_dispute_has_given_ends_with_nothing(
    sagas: Sagas,
) -> None:
    order_id, _ = await delivered(sagas)
    dispute_id = await disputed(sagas, order_id, 500)
    await sagas.promise_refund(order_id, 250)
    await sagas.orchestrator.run_refund(order_id, 1)
    assert (await sagas.parked(order_id, STEP))["code"] == "CHARGE_DISPUTED"

    await loses(sagas, order_id, dispute_id)

    assert await ended(sagas, order_id) == (0, False)
    assert "refunded" not in await sagas.money(order_id)
    assert await sagas.until(f"saga-{order_id}", "SagaUnparked") == ["SagaParked", "SagaUnparked"]
    await check_left(sagas, order_id, 0)


async def test_what_a_lost_dispute_has_given_is_not_promised(sagas: Sagas) -> None:
    order_id, _ = await delivered(sagas)
    await loses(sagas, order_id, await disputed(sagas, order_id, 400))

    await check_left(sagas, order_id, 100)


async def test_pieces_whose_refund_was_given_up_are_refunded_when_they_come_back(
    sagas: Sagas,
) -> None:
    order_id, sku = await delivered(sagas)
    await promise_pieces(sagas, order_id, sku, 2)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.intervene(order_id, STEP, Intervention.SKIP)
    assert await ended(sagas, order_id) == (0, True)

    await comes_back(sagas, order_id)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 500)}
    assert (await sagas.inventory(sku)).on_hand == 2


async def test_pieces_whose_failed_refund_was_given_up_may_be_refunded_again(sagas: Sagas) -> None:
    order_id, sku = await delivered(sagas)
    await promise_pieces(sagas, order_id, sku, 1)
    await sagas.orchestrator.run_refund(order_id, 1)
    assert await ended(sagas, order_id) == (250, False)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    await sagas.parked(order_id, "refund_again_1")
    with pytest.raises(Refused):
        await promise_pieces(sagas, order_id, sku, 2)

    await sagas.intervene(order_id, "refund_again_1", Intervention.SKIP)
    await sagas.until(f"order-{order_id}", "OrderRefundEnded", times=2)

    await promise_pieces(sagas, order_id, sku, 2)
    await sagas.orchestrator.run_refund(order_id, 2)
    await sagas.until(f"order-{order_id}", "OrderRefundEnded", times=3)
    assert (await sagas.money(order_id))["refunded"] == (2, 750)


async def test_a_resumed_return_refunds_no_piece_twice(sagas: Sagas) -> None:
    brief = sagas.within(return_delivery=timedelta(milliseconds=50))
    order_id, sku = await delivered(brief, NEVER_COMES_BACK)
    await sagas.send_back(order_id)
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    await promise_pieces(sagas, order_id, sku, 1)
    await sagas.orchestrator.run_refund(order_id, 1)
    assert await ended(sagas, order_id) == (250, False)

    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {**PAID, "refunded": (2, 500)}
    assert await sagas.events(f"saga-{order_id}") == []
    assert (await sagas.inventory(sku)).on_hand == 2


@pytest.mark.parametrize(
    ("intervention", "left"), [(None, 250), (Intervention.SKIP, 500), (Intervention.RESOLVE, 250)]
)
async def test_a_failed_refund_is_promised_until_an_operator_decides(
    sagas: Sagas, intervention: Intervention | None, left: int
) -> None:
    order_id, sku = await delivered(sagas)
    await comes_back(sagas, order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.until(f"order-{order_id}", "OrderReturned")
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    await sagas.parked(order_id, "refund_again_1")

    if intervention is not None:
        await sagas.intervene(order_id, "refund_again_1", intervention)

    await check_left(sagas, order_id, left)


async def test_nothing_is_promised_after_a_return_has_given_all_that_was_left(sagas: Sagas) -> None:
    order_id, _ = await delivered(sagas)
    await refunds_by_hand(sagas, order_id, 100)
    await comes_back(sagas, order_id)
    assert (await sagas.parked(order_id, "refund"))["code"] == "REFUND_TOO_LARGE"
    await sagas.intervene(order_id, "refund", Intervention.RESOLVE)
    assert await sagas.end(order_id) == "RETURNED"

    await check_left(sagas, order_id, 0)
    assert (await sagas.money(order_id))["refunded"] == (2, 500)


async def test_money_that_an_operator_has_settled_is_not_promised(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(2), 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.carrier_simulator.happen("shipments", reference=order_id, status="lost")
        await sagas.notify(order_id, ShipmentNotificationKind.LOST)
        await sagas.intervene(order_id, "give_back", Intervention.SKIP)
        assert await sagas.end(order_id) == "CANCELLED"

    with pytest.raises(Refused) as refusal:
        await sagas.promise_refund(order_id, 1)

    assert refusal.value.code is ErrorCode.REFUND_NOT_POSSIBLE
    assert await sagas.money(order_id) == PAID
