"""Refunds that fail at the bank, beside other news of the same order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.command_handler import CommandHandler, Step
from domain.errors import Refused
from domain.ids import aftercare_workflow_id
from domain.order.lines import ReturnedLine
from domain.payment.decide import PAYMENT
from domain.provider_notifications import PaymentNotificationKind, ShipmentNotificationKind
from domain.saga.commands import InterveneOnStep, Intervention
from providers.carrier_simulator.routes import NORMAL
from tests.integration.workflows.aftercare_fixture import (
    MONTH,
    PAID,
    REFUNDED,
    aftercare_ended,
    bank_reports,
    facts,
    lapsed,
    lost_and_not_refunded,
    returned,
)
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order


async def one_piece_and_an_amount_refunded(sagas: Sagas) -> str:
    """Return an order of 500, of which a return has given 250 back and an operator 200."""
    sku = await sagas.stocked(2)
    order_id = await sagas.within(return_window=timedelta(seconds=4)).arrived(
        an_order((sku, 2), postal_code=NORMAL)
    )
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.promise_refund(order_id, 200)
    await sagas.orchestrator.run_refund(order_id, 1)
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    return order_id


async def test_of_two_failed_refunds_one_is_made_again_and_the_other_settled(
    sagas: Sagas,
) -> None:
    order_id = await one_piece_and_an_amount_refunded(sagas)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)

    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)
    await sagas.until(f"payment-{order_id}", "PaymentRefunded", times=3)
    await sagas.intervene(order_id, "refund_again_2", Intervention.RESOLVE)
    await aftercare_ended(sagas, order_id)

    payment = PAYMENT.fold(
        event.decode() for event in await sagas.store.load_events(f"payment-{order_id}")
    )
    assert (payment.refunds, payment.settled) == (
        {"refund": 250, "refund_order_1": 0},
        {"refund_again_2": 200},
    )
    assert await sagas.money(order_id) == {
        **PAID,
        "refunded": (3, 700),
        "refund_failed": (2, 450),
    }
    with pytest.raises(Refused) as refusal:
        await sagas.promise_refund(order_id, 51)
    assert "50 of the 500 that were captured are left" in refusal.value.message
    await sagas.promise_refund(order_id, 50)


async def test_a_refund_that_waits_for_an_operator_hides_no_found_parcel(sagas: Sagas) -> None:
    order_id = await lost_and_not_refunded(sagas)
    await sagas.parked(order_id, "refund_again_1")

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="delivered")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    assert (await facts(sagas, f"saga-{order_id}"))[-1] == {
        "order_id": order_id,
        "system": "SHIPMENT",
        "ours": "lost",
        "theirs": "delivered",
    }
    await sagas.intervene(order_id, "refund_again_1", Intervention.SKIP)
    await aftercare_ended(sagas, order_id)
    assert (await sagas.events(f"saga-{order_id}")).count("DiscrepancyFound") == 1
    assert await sagas.money(order_id) == {**REFUNDED, "refund_failed": (1, 500)}


async def test_a_key_that_may_not_read_disputes_hides_no_failed_refund(sagas: Sagas) -> None:
    order_id, _ = await returned(sagas)
    with sagas.payment_simulator.failing(order_id, "disputes", "403"):
        await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
        await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
        parked = await sagas.parked(order_id, "refund_again_1")
        assert parked["code"] == "REFUND_FAILED"
        await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)
        await aftercare_ended(sagas, order_id)

    assert (await sagas.events(f"saga-{order_id}")).count("SagaParked") == 1
    assert (await sagas.money(order_id))["refunded"] == (2, 1000)


async def test_a_notification_wakes_an_aftercare_whose_provider_did_not_answer(
    sagas: Sagas,
) -> None:
    order_id, _ = await returned(sagas)
    impatient = sagas.within(undo_timeout=timedelta(seconds=1))
    with sagas.carrier_simulator.failing(order_id, "look", "down"):
        await bank_reports(impatient, order_id, PaymentNotificationKind.DISPUTE)
        assert (await sagas.parked(order_id, "attend"))["code"] == "PROVIDER_UNAVAILABLE"

    await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(impatient, order_id, PaymentNotificationKind.DISPUTE)

    await aftercare_ended(sagas, order_id)
    assert (await sagas.events(f"payment-{order_id}"))[-1] == "PaymentDisputed"
    assert (await sagas.events(f"saga-{order_id}"))[-1] == "SagaUnparked"


# A refund that an operator has settled.


async def test_a_resumed_return_that_an_operator_has_settled_is_not_refunded_by_a_later_run(
    sagas: Sagas,
) -> None:
    order_id, sku = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        parked = await sagas.parked(order_id, "refund")
        await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()
    skip = InterveneOnStep(
        aggregate_id=order_id,
        step="refund",
        parking=parked["parking"],
        kind=Intervention.SKIP,
        reason="the goods are broken",
    )
    await CommandHandler(sagas.store).handle(Step("test", "skip", order_id), skip)

    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    await sagas.until(f"order-{order_id}", "OrderReturned")
    await aftercare_ended(sagas, order_id)
    assert await sagas.money(order_id) == PAID
    assert (await sagas.inventory(sku)).on_hand == 2


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
    order_id = await lost_and_not_refunded(sagas)
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
