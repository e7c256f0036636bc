"""What an operator settles outside Waybill ends the payment, and no undo moves it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.types.failures import NO_ANSWER
from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.order.lines import ReturnedLine
from domain.payment.commands import RecordRefundSettlement
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from kit.pool import Pool
from providers.carrier_simulator.routes import LOST, NEVER_DELIVERED, NORMAL
from providers.stripe_payments import StripePayments
from tests.integration.workflows.conftest import NEVER_DISPATCHED, Sagas, an_order
from tests.integration.workflows.payment_fixture import Till, a_till
from tests.support.gates import When
from tests.support.simulators import SimulatorProcess

SKIP, RESOLVE, RETRY = Intervention.SKIP, Intervention.RESOLVE, Intervention.RETRY
HELD = {"authorized": (1, 250)}
TAKEN = {**HELD, "captured": (1, 250)}
SOON = timedelta(milliseconds=50)


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


async def placed(sagas: Sagas, postal_code: str = NEVER_DISPATCHED) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def parked_at_capture(sagas: Sagas, postal_code: str = NEVER_DELIVERED) -> str:
    order_id = await placed(sagas, postal_code)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    return order_id


async def ends_delivered(sagas: Sagas, order_id: str) -> None:
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"


async def of_payment(sagas: Sagas, order_id: str) -> list[str]:
    events = await sagas.events(f"payment-{order_id}")
    return [event.removeprefix("Payment") for event in events]


async def shown(pool: Pool, order_id: str) -> str:
    async with pool.acquire() as connection:
        status: str = await connection.fetchval(
            "SELECT status FROM readmodel.payment_view WHERE order_id = $1", order_id
        )
    return status


# The capture.


async def test_a_skipped_capture_voids_the_hold(sagas: Sagas, pool: Pool) -> None:
    order_id = await parked_at_capture(sagas)

    await sagas.intervene(order_id, "capture", SKIP)
    await ends_delivered(sagas, order_id)

    assert await of_payment(sagas, order_id) == ["Requested", "Authorized", "Voided"]
    assert await shown(pool, order_id) == "VOIDED"
    assert await sagas.money(order_id) == {**HELD, "voided": (1, 250)}


@pytest.mark.parametrize("settlement", [SKIP, RESOLVE])
async def test_a_capture_settled_before_its_dispatch_was_recorded_delays_no_delivery(
    sagas: Sagas, settlement: Intervention
) -> None:
    """The capture failed at the record of the dispatch, so that the money was never asked for."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    sagas.gates.fail("capture", order_id, Refused(ErrorCode.WRONG_STATE, "as the test wants it"))
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)

    await sagas.intervene(order_id, "capture", settlement)
    await ends_delivered(sagas, order_id)

    assert "ShipmentDispatched" in await sagas.events(f"shipment-{order_id}")
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_hold_that_cannot_be_voided_parks_until_it_is(sagas: Sagas) -> None:
    order_id = await parked_at_capture(sagas)

    with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.intervene(order_id, "capture", SKIP)
        await sagas.parked(order_id, "release_hold")
    await sagas.intervene(order_id, "release_hold", RETRY)
    await ends_delivered(sagas, order_id)

    assert (await of_payment(sagas, order_id))[-1] == "Voided"
    assert await sagas.money(order_id) == {**HELD, "voided": (1, 250)}


async def test_a_resolved_capture_leaves_the_hold_to_the_operator(sagas: Sagas, pool: Pool) -> None:
    order_id = await parked_at_capture(sagas)

    await sagas.intervene(order_id, "capture", RESOLVE)
    await ends_delivered(sagas, order_id)

    assert await of_payment(sagas, order_id) == ["Requested", "Authorized", "SettledByOperator"]
    assert await shown(pool, order_id) == "SETTLED_BY_OPERATOR"
    assert await sagas.money(order_id) == HELD


@pytest.mark.parametrize("intervention", [SKIP, RESOLVE])
async def test_a_capture_by_hand_is_recorded_and_can_be_refunded(
    sagas: Sagas, payments: StripePayments, intervention: Intervention
) -> None:
    order_id = await parked_at_capture(sagas, LOST)
    stored = await sagas.store.load_events(f"payment-{order_id}")
    await payments.capture(reference=stored[-1].data["reference"], amount=250, currency="EUR")

    await sagas.intervene(order_id, "capture", intervention)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)

    assert await sagas.end(order_id) == "CANCELLED"
    assert (await of_payment(sagas, order_id))[-2:] == ["Captured", "Refunded"]
    assert await sagas.money(order_id) == {**TAKEN, "refunded": (1, 250)}


async def test_a_capture_by_hand_ends_the_parking_of_the_capture(
    sagas: Sagas, payments: StripePayments
) -> None:
    order_id = await parked_at_capture(sagas)
    stored = await sagas.store.load_events(f"payment-{order_id}")
    await payments.capture(reference=stored[-1].data["reference"], amount=250, currency="EUR")

    captured = PaymentNotification(order_id, 1, PaymentNotificationKind.CAPTURED)
    await sagas.orchestrator.handle_event(captured)

    await ends_delivered(sagas, order_id)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await sagas.money(order_id) == TAKEN


async def test_a_cancellation_by_hand_ends_the_parking_of_the_undo(
    sagas: Sagas, payments: StripePayments
) -> None:
    order_id = await placed(sagas)
    with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.parked(order_id, "give_back")
    stored = await sagas.store.load_events(f"payment-{order_id}")
    await payments.void(
        order_id=order_id,
        attempt=1,
        amount=250,
        currency="EUR",
        reference=stored[-1].data["reference"],
    )

    canceled = PaymentNotification(order_id, 1, PaymentNotificationKind.CANCELED)
    await sagas.orchestrator.handle_event(canceled)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await of_payment(sagas, order_id) == ["Requested", "Authorized", "Voided"]
    assert await sagas.money(order_id) == {**HELD, "voided": (1, 250)}


async def test_a_dispute_of_what_an_operator_has_captured_is_recorded(
    sagas: Sagas, payments: StripePayments
) -> None:
    """The log does not know of that capture: the operator answers for it."""
    order_id = await parked_at_capture(sagas)
    await sagas.intervene(order_id, "capture", RESOLVE)
    await ends_delivered(sagas, order_id)
    authorized = (await sagas.store.load_events(f"payment-{order_id}"))[1]
    await payments.capture(reference=authorized.data["reference"], amount=250, currency="EUR")
    await sagas.payment_simulator.happen("disputes", order_id=order_id)

    dispute = PaymentNotification(order_id, 1, PaymentNotificationKind.DISPUTE)
    await sagas.orchestrator.handle_event(dispute)

    assert await sagas.until(f"payment-{order_id}", "PaymentDisputed") == [
        *("PaymentRequested", "PaymentAuthorized", "PaymentSettledByOperator", "PaymentDisputed")
    ]


async def test_the_undo_of_a_resolved_capture_waits_for_an_operator(sagas: Sagas) -> None:
    """Waybill does not know how the customer has paid."""
    order_id = await parked_at_capture(sagas, LOST)
    await sagas.intervene(order_id, "capture", RESOLVE)
    await sagas.until(f"payment-{order_id}", "PaymentSettledByOperator")
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)

    parked = await sagas.parked(order_id, "give_back")
    assert parked["code"] == "WRONG_STATE"
    assert parked["message"] == (
        f"an operator has settled the payment of order {order_id} outside Waybill: give back"
        " outside Waybill what the customer has paid, and resolve the step"
    )
    await sagas.intervene(order_id, "give_back", RESOLVE)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == HELD


# The undo.


@pytest.mark.parametrize("intervention", [SKIP, RESOLVE])
async def test_a_settled_undo_ends_the_payment(
    sagas: Sagas, pool: Pool, intervention: Intervention
) -> None:
    order_id = await placed(sagas)
    with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.parked(order_id, "give_back")

    await sagas.intervene(order_id, "give_back", intervention)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await of_payment(sagas, order_id) == ["Requested", "Authorized", "SettledByOperator"]
    assert await shown(pool, order_id) == "SETTLED_BY_OPERATOR"
    assert await sagas.money(order_id) == HELD


@pytest.mark.parametrize(("intervention", "given"), [(SKIP, 0), (RESOLVE, 250)])
async def test_a_settled_refund_of_a_lost_parcel_is_not_made(
    sagas: Sagas, intervention: Intervention, given: int
) -> None:
    order_id = await placed(sagas, LOST)
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.carrier_simulator.until_recorded(order_id, "lost")
        await sagas.notify(order_id, ShipmentNotificationKind.LOST)
        await sagas.parked(order_id, "give_back")

    await sagas.intervene(order_id, "give_back", intervention)

    assert await sagas.end(order_id) == "CANCELLED"
    settled = (await sagas.store.load_events(f"payment-{order_id}"))[-1]
    assert (settled.type, settled.data["amount"]["amount"]) == ("PaymentSettledByOperator", given)
    assert await sagas.money(order_id) == TAKEN


# Refunds.


async def delivered(sagas: Sagas) -> str:
    """Return a delivered order of two pieces, whose parked steps are soon retried."""
    patient = sagas.within(return_window=timedelta(days=30), parked_retry=SOON)
    return await patient.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))


async def sends_one_back(sagas: Sagas, order_id: str) -> None:
    placed = (await sagas.store.load_events(f"order-{order_id}"))[0]
    sku = placed.data["lines"][0]["sku"]
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)


async def a_refused_return(sagas: Sagas) -> str:
    """Return an order of two pieces, of which one is back, and whose refund is parked."""
    order_id = await delivered(sagas)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sends_one_back(sagas, order_id)
        await sagas.parked(order_id, "refund")
    return order_id


async def refunds_by_hand(sagas: Sagas, order_id: str, amount: int) -> None:
    """Refund in the provider's dashboard, whose webhook is lost."""
    stored = await sagas.store.load_events(f"payment-{order_id}")
    reference = next(e.data["reference"] for e in stored if "reference" in e.data)
    await sagas.payment_simulator.refund_by_hand(reference, amount)


async def notices_refunds_by_hand(sagas: Sagas, order_id: str) -> None:
    refund = PaymentNotification(order_id, 1, PaymentNotificationKind.REFUND)
    await sagas.orchestrator.handle_event(refund)
    await sagas.until(f"payment-{order_id}", "PaymentRefundedElsewhere")


async def settled(sagas: Sagas, order_id: str) -> tuple[str, int, int]:
    """Return what the last settlement says: the step, and what was given outside and by hand."""
    last = (await sagas.store.load_events(f"payment-{order_id}"))[-1]
    assert last.type == "PaymentRefundSettledByOperator"
    return last.data["step"], last.data["amount"]["amount"], last.data["by_hand"]["amount"]


async def check_left(sagas: Sagas, order_id: str, left: int) -> None:
    """Promise the rest of the money, after one cent more was refused."""
    with pytest.raises(Refused) as refusal:
        await sagas.promise_refund(order_id, left + 1)
    assert refusal.value.code is ErrorCode.REFUND_TOO_LARGE
    if left:
        await sagas.promise_refund(order_id, left)


async def settles_the_return(sagas: Sagas, order_id: str) -> None:
    await sagas.intervene(order_id, "refund", RESOLVE)
    await sagas.until(f"order-{order_id}", "OrderReturned")


async def test_a_resolved_return_is_not_promised_again(sagas: Sagas) -> None:
    order_id = await a_refused_return(sagas)

    await settles_the_return(sagas, order_id)

    assert await settled(sagas, order_id) == ("refund", 250, 0)
    returned = (await sagas.store.load_events(f"order-{order_id}"))[-1]
    assert returned.data["refunded"] == {"amount": 0, "currency": "EUR"}
    await check_left(sagas, order_id, 250)


@pytest.mark.parametrize("is_noticed", [True, False])
async def test_a_return_that_was_refunded_by_hand_counts_once(
    sagas: Sagas, *, is_noticed: bool
) -> None:
    order_id = await a_refused_return(sagas)
    await refunds_by_hand(sagas, order_id, 250)
    if is_noticed:
        await notices_refunds_by_hand(sagas, order_id)

    await settles_the_return(sagas, order_id)

    assert await settled(sagas, order_id) == ("refund", 0, 250)
    await check_left(sagas, order_id, 250)


async def test_a_provider_that_does_not_answer_prevents_no_settlement(sagas: Sagas) -> None:
    order_id = await a_refused_return(sagas)
    await refunds_by_hand(sagas, order_id, 100)

    with sagas.payment_simulator.failing(order_id, "look", "down"):
        await settles_the_return(sagas, order_id)

    assert await settled(sagas, order_id) == ("refund", 250, 0)


async def test_a_refund_by_hand_before_the_return_does_not_stand_in_its_place(sagas: Sagas) -> None:
    order_id = await delivered(sagas)
    await refunds_by_hand(sagas, order_id, 100)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sends_one_back(sagas, order_id)
        await sagas.parked(order_id, "refund")

    await settles_the_return(sagas, order_id)

    assert await settled(sagas, order_id) == ("refund", 250, 0)
    await check_left(sagas, order_id, 150)


async def test_a_refund_by_hand_counts_once_although_a_retry_failed_after_it(sagas: Sagas) -> None:
    order_id = await a_refused_return(sagas)
    await refunds_by_hand(sagas, order_id, 250)
    await notices_refunds_by_hand(sagas, order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.intervene(order_id, "refund", RETRY)
        await sagas.parked(order_id, "refund", times=2)

    await settles_the_return(sagas, order_id)

    assert await settled(sagas, order_id) == ("refund", 0, 250)


async def test_a_refund_by_hand_settles_one_of_two_parked_refunds(sagas: Sagas) -> None:
    order_id = await a_refused_return(sagas)
    await sagas.promise_refund(order_id, 200)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, "refund_order_1")
    await refunds_by_hand(sagas, order_id, 250)

    await settles_the_return(sagas, order_id)
    assert await settled(sagas, order_id) == ("refund", 0, 250)
    await sagas.intervene(order_id, "refund_order_1", RESOLVE)
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")

    assert await settled(sagas, order_id) == ("refund_order_1", 200, 0)
    await check_left(sagas, order_id, 50)


@pytest.mark.parametrize(("intervention", "left"), [(SKIP, 500), (RESOLVE, 250)])
async def test_a_refund_that_is_settled_while_its_retry_runs_gives_nothing_more(
    sagas: Sagas, intervention: Intervention, left: int
) -> None:
    order_id = await delivered(sagas)
    sagas.gates.fail("refund", order_id, ApplicationError("no", type=NO_ANSWER, non_retryable=True))
    await sends_one_back(sagas, order_id)
    await sagas.parked(order_id, "refund")
    async with sagas.gates.stopped("refund", order_id, When.BEFORE) as gate:
        await gate.reached()
        await sagas.intervene(order_id, "refund", intervention)
        gate.open()
        await sagas.until(f"order-{order_id}", "OrderReturned")

    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}
    await check_left(sagas, order_id, left)


async def settled_by(till: Till, step: str, due: int) -> None:
    await till.does(RecordRefundSettlement(aggregate_id=till.order_id, step=step, due=due))


async def test_an_undo_gives_back_what_no_operator_has(till: Till) -> None:
    await till.sent()
    await settled_by(till, "refund_order_1", 200)

    for _ in "12":
        await till.give_back()

    assert (await till.effects())["refunded"] == (1, 300)
    payment = await till.payment()
    assert (payment.refunded, payment.settled) == (300, {"refund_order_1": 200})


async def test_a_return_gives_no_more_than_an_operator_has_left(till: Till) -> None:
    await till.returning(2)
    await settled_by(till, "refund_order_1", 200)

    with pytest.raises(Refused) as refusal:
        await till.refund()

    assert refusal.value.code is ErrorCode.REFUND_TOO_LARGE
    assert "operators have given back 200 by other means" in refusal.value.message
    assert (await till.effects())["refunded"] == (1, 300)


# Refunds by hand that fail later.


async def a_return_settled_by_a_refund_by_hand(sagas: Sagas) -> str:
    """Return an order of 500, whose return of 250 was refunded by hand; that refund has failed."""
    order_id = await a_refused_return(sagas)
    await refunds_by_hand(sagas, order_id, 250)
    await settles_the_return(sagas, order_id)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    refund = PaymentNotification(order_id, 1, PaymentNotificationKind.REFUND)
    await sagas.orchestrator.handle_event(refund)
    parked = await sagas.parked(order_id, "refund_again_1")
    assert (parked["code"], parked["workflow_id"]) == ("REFUND_FAILED", f"aftercare-{order_id}")
    return order_id


async def test_a_refund_by_hand_that_fails_later_is_made_good_by_a_retry(sagas: Sagas) -> None:
    order_id = await a_return_settled_by_a_refund_by_hand(sagas)

    await sagas.intervene(order_id, "refund_again_1", RETRY)

    await sagas.until(f"payment-{order_id}", "PaymentRefunded")
    assert await sagas.money(order_id) == {
        "authorized": (1, 500),
        "captured": (1, 500),
        "refunded": (2, 500),
        "refund_failed": (1, 250),
    }
    await check_left(sagas, order_id, 250)


@pytest.mark.parametrize(("intervention", "left"), [(None, 250), (RESOLVE, 250), (SKIP, 500)])
async def test_a_refund_by_hand_that_fails_later_is_owed_until_an_operator_decides(
    sagas: Sagas, intervention: Intervention | None, left: int
) -> None:
    order_id = await a_return_settled_by_a_refund_by_hand(sagas)

    if intervention is not None:
        await sagas.intervene(order_id, "refund_again_1", intervention)

    await check_left(sagas, order_id, left)


async def test_a_refund_by_hand_that_fails_before_its_step_is_settled_is_owed_once(
    sagas: Sagas,
) -> None:
    order_id = await a_refused_return(sagas)
    await refunds_by_hand(sagas, order_id, 250)
    await notices_refunds_by_hand(sagas, order_id)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    refund = PaymentNotification(order_id, 1, PaymentNotificationKind.REFUND)
    await sagas.orchestrator.handle_event(refund)
    await sagas.until(f"payment-{order_id}", "PaymentRefundElsewhereFailed")

    await sagas.intervene(order_id, "refund", RETRY)

    await sagas.until(f"order-{order_id}", "OrderReturned")
    saga = await sagas.events(f"saga-{order_id}")
    assert saga == ["SagaParked", "SagaRetried"]
    assert (await sagas.money(order_id))["refunded"] == (2, 500)
    await check_left(sagas, order_id, 250)
