"""A workflow that is cut off after its step has succeeded leaves nothing parked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.types.payment import RefundInput
from domain.ids import (
    aftercare_workflow_id,
    order_workflow_id,
    refund_workflow_id,
    return_workflow_id,
)
from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import LOST, NORMAL
from tests.integration.reconciliation.conftest import Reconciliation
from tests.integration.reconciliation.test_lost_refunds import promised
from tests.integration.workflows.aftercare_fixture import lapsed
from tests.support.sagas import Sagas, an_order

MONTH = timedelta(days=30)
PAID = {"authorized": (1, 500), "captured": (1, 500)}
ENDED = ["SagaParked", "SagaUnparked"]


async def cut_off(sagas: Sagas, workflow_id: str) -> None:
    await sagas.client.get_workflow_handle(workflow_id).terminate()


async def sent_back(sagas: Sagas, *lines: ReturnedLine, sku: str) -> str:
    """Return a delivered order whose goods are back, and whose refund is parked."""
    patient = sagas.within(return_window=MONTH)
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NORMAL))
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.send_back(order_id, *lines)
        await sagas.carrier_simulator.until_recorded(order_id, "returned")
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        await sagas.parked(order_id, "refund")
        await sagas.terminate(order_id)
        await sagas.until_closed(return_workflow_id(order_id))
    return order_id


async def test_a_refund_that_was_cut_off_at_its_end_is_not_parked_for_ever(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await promised(sagas, 200)
    workflow_id = refund_workflow_id(order_id, 1)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, "refund_order_1")
        await cut_off(sagas, workflow_id)
    await sagas.attempt_in(workflow_id, "refund_order", RefundInput(order_id, 1))
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderRefundEnded"

    await reconciliation.recover()

    assert await sagas.until(f"saga-{order_id}", "SagaUnparked") == ENDED
    await sagas.until_closed(workflow_id)
    assert (await sagas.money(order_id))["refunded"] == (1, 200)


async def test_an_order_that_was_cut_off_at_its_end_is_not_parked_for_ever(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(2), 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.notify(
            order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST
        )
        await sagas.parked(order_id, "give_back")
        await sagas.terminate(order_id)
    for undo in ("release", "give_back", "cancel"):
        await sagas.stray(undo, order_id)
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderCancelled"

    await reconciliation.recover()

    assert await sagas.until(f"saga-{order_id}", "SagaUnparked") == ENDED
    await sagas.until_closed(order_workflow_id(order_id))
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 500)}


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_return_that_was_cut_off_at_its_end_is_not_parked_for_ever(
    sagas: Sagas, reconciliation: Reconciliation, pieces: int
) -> None:
    """The order has ended, or its return window is still open."""
    sku = await sagas.stocked(2)
    order_id = await sent_back(sagas, ReturnedLine(sku=sku, quantity=pieces), sku=sku)
    await sagas.attempt_in(return_workflow_id(order_id), "refund", order_id)
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderReturned"

    await reconciliation.recover()

    await sagas.until(f"saga-{order_id}", "SagaUnparked")
    assert (await sagas.money(order_id))["refunded"] == (1, 250 * pieces)
    assert (await sagas.inventory(sku)).on_hand == pieces
    if pieces == 1:
        await sagas.terminate(order_id)


async def test_an_aftercare_that_was_cut_off_before_it_parked_is_resumed(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id, sku = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        await sagas.until(f"order-{order_id}", "OrderReturnResumed")
        await cut_off(sagas, aftercare_workflow_id(order_id))

    await reconciliation.recover()

    await sagas.until(f"order-{order_id}", "OrderReturned")
    await sagas.until_closed(aftercare_workflow_id(order_id))
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 500)}
    assert (await sagas.inventory(sku)).on_hand == 2
    await reconciliation.recover()
    assert await sagas.events(f"saga-{order_id}") == []
