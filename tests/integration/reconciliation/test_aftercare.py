"""Reconciliation leads to the same as a notification, for orders that have ended."""

from __future__ import annotations

from datetime import timedelta

from activities.types.reconciliation import Discrepancy
from domain.ids import aftercare_workflow_id
from domain.provider_notifications import ShipmentNotificationKind as Kind
from domain.saga.commands import Intervention, ReconciledSystem
from kit.pool import Pool
from providers.carrier_simulator.routes import LOST, NORMAL
from roles.temporal_worker import temporal_worker
from tests.integration.reconciliation.conftest import Providers, Reconciliation, activities_for
from tests.integration.workflows.aftercare_fixture import lapsed, lost_and_not_refunded
from tests.support.sagas import Sagas, an_order

PAID = {"authorized": (1, 500), "captured": (1, 500)}


async def lost(sagas: Sagas) -> tuple[str, str]:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, Kind.DISPATCHED, Kind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"
    return order_id, sku


async def test_goods_that_came_back_unnoticed_to_a_complete_order_are_refunded(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id, sku = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.carrier_simulator.happen("returns", reference=order_id)

    await reconciliation.compare(order_id)

    await sagas.until(f"order-{order_id}", "OrderReturned")
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 500)}
    assert (await sagas.inventory(sku)).on_hand == 2
    assert (await reconciliation.compare(order_id)).discrepancies == ()


async def test_a_failed_refund_that_no_webhook_reported_waits_for_an_operator(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id, _ = await lost(sagas)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)

    await reconciliation.compare(order_id)
    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)

    await sagas.until(f"payment-{order_id}", "PaymentRefunded", times=2)
    assert (await sagas.money(order_id))["refunded"] == (2, 1000)
    assert (await reconciliation.compare(order_id)).discrepancies == ()


async def test_a_parked_failed_refund_outlives_its_workflow(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await lost_and_not_refunded(sagas)
    await sagas.parked(order_id, "refund_again_1")
    await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()

    await reconciliation.recover()
    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)

    await sagas.until(f"payment-{order_id}", "PaymentRefunded", times=2)
    assert (await sagas.money(order_id))["refunded"] == (2, 1000)


async def test_a_failed_refund_is_settled_while_its_recovered_aftercare_gets_no_answer(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await lost_and_not_refunded(sagas)
    await sagas.parked(order_id, "refund_again_1")
    await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()

    with sagas.carrier_simulator.failing(order_id, "look", "down"):
        await reconciliation.recover()
        await sagas.intervene(order_id, "refund_again_1", Intervention.RESOLVE)
        assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]

    await sagas.until_closed(aftercare_workflow_id(order_id))
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepResolved"]
    assert (await sagas.money(order_id))["refunded"] == (1, 500)


async def test_a_recovery_adds_nothing_to_an_aftercare_that_runs(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await lost_and_not_refunded(sagas)
    await sagas.parked(order_id, "refund_again_1")
    handle = sagas.client.get_workflow_handle(aftercare_workflow_id(order_id))
    before = (await handle.describe()).run_id
    events = await sagas.events(f"saga-{order_id}")

    for _ in range(3):
        await reconciliation.recover()

    assert (await handle.describe()).run_id == before
    assert await sagas.events(f"saga-{order_id}") == events
    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)


async def test_a_found_parcel_that_no_webhook_reported_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id, _ = await lost(sagas)
    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="delivered")

    found = (await reconciliation.compare(order_id)).discrepancies

    difference = Discrepancy(order_id, ReconciledSystem.SHIPMENT, "lost", "delivered")
    assert found == (difference,)
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound"]


async def test_a_lost_parcel_that_came_back_unnoticed_is_in_stock_again(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id, sku = await lost(sagas)
    await sagas.carrier_simulator.happen(
        "shipments", reference=order_id, status="returned_to_sender"
    )

    await reconciliation.compare(order_id)

    await sagas.until(f"shipment-{order_id}", "ShipmentReturnedToSender")
    stock = await sagas.inventory(sku)
    assert (stock.on_hand, stock.shipped) == (2, 0)
    assert (await reconciliation.compare(order_id)).discrepancies == ()


async def test_a_notification_recovers_an_open_order_that_lost_its_workflow(
    idle_sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    sagas = idle_sagas
    both = [*sagas.activities.values(), *activities_for(sagas, pool, providers)]
    async with temporal_worker(sagas.client, sagas.task_queue, both):
        order_id = await sagas.place(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
        await sagas.terminate(order_id)
        await sagas.carrier_simulator.until_recorded(order_id, "delivered")

        await sagas.notify(order_id, Kind.DELIVERED)

        await sagas.until(f"order-{order_id}", "OrderCompleted")
        assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]
        assert await sagas.money(order_id) == PAID
