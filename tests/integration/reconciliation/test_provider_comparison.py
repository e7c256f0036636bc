"""Compare the log with the records of the payment provider and the carrier."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from activities.reconciliation.comparison import ReconciliationActivitiesImpl
from activities.types.reconciliation import Discrepancy, RecheckResult, ReconcileInput
from domain.errors import ErrorCode, Refused
from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention, ReconciledSystem
from kit.pool import Pool
from providers.carrier_simulator.routes import LOST, NEVER_DELIVERED, NORMAL
from providers.errors import ProviderRefused
from providers.http_carrier import HttpCarrier
from providers.payment_simulator.methods import APPROVAL
from providers.payments import ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments
from tests.integration.reconciliation.conftest import (
    Providers,
    Reconciliation,
    a_waiting_order,
    reconciling,
    reference,
)
from tests.support.sagas import Sagas, an_order


async def test_a_comparison_without_a_discrepancy_leaves_no_trace(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"

    first, second = await reconciliation.compare(), await reconciliation.compare()

    assert (first.compared, first.discrepancies) == (1, ())
    assert (second.compared, second.discrepancies) == (0, ())
    assert await sagas.events(f"saga-{order_id}") == []


async def test_a_number_that_no_notification_announces_is_recorded_once(
    sagas: Sagas, reconciliation: Reconciliation, carrier: HttpCarrier
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NEVER_DELIVERED))
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    assert "TrackingNumberAssigned" not in await sagas.events(f"shipment-{order_id}")

    for _ in range(2):
        assert (await reconciliation.compare(order_id)).discrepancies == ()

    found = await carrier.find(order_id=order_id)
    assert found is not None
    assert found.tracking is not None
    stored = await sagas.store.load_events(f"shipment-{order_id}")
    assert [event.type for event in stored] == [
        "ShipmentCreated",
        "ShipmentDispatched",
        "TrackingNumberAssigned",
    ]
    assert stored[-1].data["tracking_number"] == found.tracking.number
    assert "track" not in await sagas.activities_of(order_id)


async def test_a_lost_hold_that_no_notification_announces_has_the_customer_asked_again(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    await payments.void(
        order_id=order_id,
        attempt=1,
        amount=500,
        currency="EUR",
        reference=await reference(sagas, order_id),
    )

    await reconciliation.compare()

    await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn")
    assert (await sagas.events(f"payment-{order_id}"))[-1] == "PaymentHoldEnded"
    assert (await reconciliation.compare(order_id)).discrepancies == ()


async def test_a_hold_lost_while_the_capture_is_parked_has_the_customer_asked_again(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NEVER_DELIVERED))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")

    await reconciliation.compare(order_id)

    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    assert (await reconciliation.compare(order_id)).discrepancies == ()


async def test_a_delivery_that_waits_for_a_parked_capture_is_not_notified_for_ever(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")

    for _ in range(4):
        assert (await reconciliation.compare(order_id)).discrepancies == ()

    written = [each.event_type for each in (await sagas.workflow(order_id).fetch_history()).events]
    assert written.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 1 + 2
    await sagas.intervene(order_id, "capture", Intervention.RETRY)
    assert await sagas.end(order_id) == "COMPLETED"


async def test_a_lost_hold_is_a_discrepancy_while_no_saga_runs(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    await sagas.terminate(order_id)
    await payments.void(
        order_id=order_id,
        attempt=1,
        amount=500,
        currency="EUR",
        reference=await reference(sagas, order_id),
    )

    found = (await reconciliation.compare()).discrepancies
    assert found == (Discrepancy(order_id, ReconciledSystem.PAYMENT, "attempt 1 held", "nothing"),)
    assert (await reconciliation.compare()).discrepancies == found
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound"]
    await sagas.recover(order_id)

    await sagas.cancel(order_id)
    assert await sagas.end(order_id) == "CANCELLED"
    assert (await reconciliation.compare()).discrepancies == ()
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound", "DiscrepancyResolved"]
    assert (await reconciliation.compare()).discrepancies == ()


async def test_a_capture_by_another_program_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    await payments.capture(reference=await reference(sagas, order_id), amount=500, currency="EUR")

    assert (await reconciliation.compare()).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.PAYMENT, "attempt 1 held", "captured 500"),
    )


async def test_a_refund_that_the_log_does_not_know_is_recorded_as_made_elsewhere(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    await sagas.end(order_id)
    await sagas.payment_simulator.refund_by_hand(await reference(sagas, order_id), 200)

    assert (await reconciliation.compare()).discrepancies == ()
    assert (await reconciliation.compare()).discrepancies == ()
    events = await sagas.events(f"payment-{order_id}")
    assert events[-2:] == ["PaymentCaptured", "PaymentRefundedElsewhere"]
    assert await sagas.events(f"saga-{order_id}") == []


async def parked_at_capture(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NEVER_DELIVERED))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    return order_id


async def test_a_settled_step_is_no_discrepancy_and_resolves_one(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await parked_at_capture(sagas)
    await payments.capture(reference=await reference(sagas, order_id), amount=500, currency="EUR")
    assert len((await reconciliation.compare()).discrepancies) == 1

    await sagas.intervene(order_id, "capture", Intervention.RESOLVE)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")

    assert (await reconciliation.compare()).discrepancies == ()
    assert (await sagas.events(f"saga-{order_id}"))[-1] == "DiscrepancyResolved"


async def test_a_capture_by_hand_after_the_settlement_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await parked_at_capture(sagas)
    await sagas.intervene(order_id, "capture", Intervention.RESOLVE)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"
    assert [d.system for d in (await reconciliation.compare()).discrepancies] == []

    await payments.capture(reference=await reference(sagas, order_id), amount=500, currency="EUR")

    assert (await reconciliation.compare(order_id)).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.PAYMENT, "nothing", "captured 500"),
    )


async def test_a_parcel_that_left_too_early_in_the_log_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await a_waiting_order(sagas)
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")

    assert (await reconciliation.compare()).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.SHIPMENT, "left", "waiting"),
    )


async def test_a_saga_that_missed_a_notification_gets_it_without_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    await reconciliation.compare()

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}
    await reconciliation.compare()
    assert "SagaRecovered" not in await sagas.events(f"saga-{order_id}")


async def test_a_saga_that_missed_the_loss_of_its_parcel_is_notified(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    await reconciliation.compare()

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_LOST"


async def test_a_payment_that_missed_its_approval_is_notified(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")
    await sagas.payment_simulator.authenticate(await reference(sagas, order_id), "approve")

    await reconciliation.compare()

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderConfirmed"
    assert await sagas.money(order_id) == {"authorized": (1, 500)}


async def test_a_change_between_two_reads_is_no_discrepancy(
    sagas: Sagas, comparing: ReconciliationActivitiesImpl, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    await payments.capture(reference=await reference(sagas, order_id), amount=500, currency="EUR")
    first = await comparing.compare(ReconcileInput())
    assert first.look_again == (order_id,)
    await payments.refund(
        reference=await reference(sagas, order_id),
        amount=500,
        currency="EUR",
        key=f"back/{order_id}",
    )

    assert await comparing.recheck(first) == RecheckResult(())
    assert await sagas.events(f"saga-{order_id}") == []


async def test_judging_twice_records_a_discrepancy_once(
    sagas: Sagas, comparing: ReconciliationActivitiesImpl, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    await payments.capture(reference=await reference(sagas, order_id), amount=500, currency="EUR")
    first = await comparing.compare(ReconcileInput())

    assert await comparing.recheck(first) == await comparing.recheck(first)
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound"]


async def test_a_provider_that_knows_nothing_of_a_payment_holds_nothing(
    sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    class Forgetful(StripePayments):
        async def get(self, *, reference: str) -> ProviderPayment:
            raise ProviderRefused("payments", "get", f"resource_missing {reference}", 404)

    order_id = await a_waiting_order(sagas)
    forgetful = Forgetful("key", "http://127.0.0.1:1")
    comparing = reconciling(sagas, pool, (forgetful, providers[1]))
    assert (await comparing.compare(ReconcileInput())).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.PAYMENT, "attempt 1 held", "nothing"),
    )
    await forgetful.close()


class Remembering(StripePayments):
    """A provider that finds an authorization of any attempt, and answers nothing else."""

    async def search(self, *, order_id: str, attempt: int) -> list[ProviderPayment]:
        reference = f"pi_{order_id}_{attempt}"
        return [ProviderPayment(reference, ProviderPaymentState.AUTHORIZED, 500, "EUR", 0, 0)]


async def test_a_hold_whose_answer_was_lost_is_found_once_the_order_has_ended(
    sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    impatient = sagas.within(provider_timeout=timedelta(seconds=1))
    ordered = an_order((await sagas.stocked(5), 2))
    with sagas.payment_simulator.failing(ordered.aggregate_id, "*", "down"):
        order_id = await impatient.place(ordered)
        await sagas.until(f"order-{order_id}", "OrderCancellationRequested")
    assert await sagas.end(order_id) == "CANCELLED"
    assert "PaymentAuthorized" not in await sagas.events(f"payment-{order_id}")

    remembering = Remembering("key", "http://127.0.0.1:1")
    comparing = reconciling(sagas, pool, (remembering, providers[1]))
    assert (await comparing.compare(ReconcileInput())).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.PAYMENT, "nothing", "attempt 1 held"),
    )
    await remembering.close()


async def test_a_failed_refund_beside_an_equal_one_by_hand_is_found(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    """The sums agree: 250 cents are refunded, by Waybill as the log says, and by hand in truth."""
    sku = await sagas.stocked(5)
    patient = sagas.within(return_window=timedelta(days=30))
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NORMAL))
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.until(f"payment-{order_id}", "PaymentRefunded")
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await sagas.payment_simulator.refund_by_hand(await reference(sagas, order_id), 250)

    await reconciliation.compare(order_id)

    await sagas.until(f"payment-{order_id}", "PaymentRefundFailed")
    await sagas.until(f"payment-{order_id}", "PaymentRefundedElsewhere")
    assert (await sagas.parked(order_id, "refund_again_1"))["code"] == "REFUND_FAILED"


# What an operator has settled.


@pytest.mark.parametrize("intervention", [Intervention.SKIP, Intervention.RESOLVE])
async def test_a_settled_undo_is_no_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation, intervention: Intervention
) -> None:
    order_id = await a_waiting_order(sagas)
    with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.intervene(order_id, "give_back", intervention)
        assert await sagas.end(order_id) == "CANCELLED"

    assert (await reconciliation.compare()).discrepancies == ()
    assert (await sagas.events(f"saga-{order_id}"))[-1].startswith("SagaStep")


async def test_an_undo_after_a_refund_that_an_operator_gave_is_no_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=LOST))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.promise_refund(order_id, 200)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.intervene(order_id, "refund_order_1", Intervention.RESOLVE)
        await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)

    assert await sagas.end(order_id) == "CANCELLED"
    assert (await sagas.money(order_id))["refunded"] == (1, 300)
    assert (await reconciliation.compare()).discrepancies == ()
    with pytest.raises(Refused) as refusal:
        await sagas.promise_refund(order_id, 1)
    assert refusal.value.code is ErrorCode.REFUND_TOO_LARGE


async def test_a_refund_after_a_settled_one_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    sku = await sagas.stocked(5)
    patient = sagas.within(return_window=timedelta(days=30))
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NORMAL))
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.send_back(order_id)
        await sagas.carrier_simulator.until_recorded(order_id, "returned")
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        await sagas.intervene(order_id, "refund", Intervention.RESOLVE)
        assert await sagas.end(order_id) == "RETURNED"
    assert (await reconciliation.compare()).discrepancies == ()

    paid = await reference(sagas, order_id)
    await payments.refund(reference=paid, amount=100, currency="EUR", key="late", purpose="refund")

    assert (await reconciliation.compare(order_id)).discrepancies == (
        Discrepancy(
            order_id, ReconciledSystem.PAYMENT, "captured 500", "captured 500, refunded 100"
        ),
    )


@pytest.mark.parametrize("intervention", [Intervention.SKIP, Intervention.RESOLVE])
async def test_a_parcel_that_leaves_although_its_cancellation_was_settled_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation, intervention: Intervention
) -> None:
    order_id = await a_waiting_order(sagas)
    with sagas.carrier_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.intervene(order_id, "cancel_shipment", intervention)
        assert await sagas.end(order_id) == "CANCELLED"
    assert (await reconciliation.compare()).discrepancies == ()

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="dispatched")

    assert (await reconciliation.compare(order_id)).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.SHIPMENT, "waiting", "left"),
    )


async def test_a_loss_after_an_operator_has_settled_the_delivery_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    impatient = sagas.within(delivery=timedelta(milliseconds=50))
    order_id = await impatient.place(
        an_order((await sagas.stocked(5), 2), postal_code=NEVER_DELIVERED)
    )
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.intervene(order_id, "await_delivery", Intervention.RESOLVE)
    assert await sagas.end(order_id) == "COMPLETED"
    assert (await reconciliation.compare()).discrepancies == ()

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="lost")

    assert (await reconciliation.compare(order_id)).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.SHIPMENT, "left", "lost"),
    )


async def test_a_stopped_parcel_that_leaves_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await a_waiting_order(sagas)
    await sagas.release_hold(order_id)
    await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn")
    assert (await reconciliation.compare(order_id)).discrepancies == ()

    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="dispatched")

    assert (await reconciliation.compare(order_id)).discrepancies == (
        Discrepancy(
            order_id,
            ReconciledSystem.SHIPMENT,
            "none",
            "none, booking 1 left although it was stopped",
        ),
    )


async def test_a_failed_refund_by_hand_that_no_webhook_reported_waits_for_an_operator(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.delivered(order_id)
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.payment_simulator.refund_by_hand(await reference(sagas, order_id), 200)
    await reconciliation.compare(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentRefundedElsewhere")
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)

    await reconciliation.compare(order_id)
    await reconciliation.compare(order_id)

    parked = await sagas.parked(order_id, "refund_again_1")
    assert (parked["code"], parked["workflow_id"]) == ("REFUND_FAILED", f"aftercare-{order_id}")
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]
