"""A workflow refuses every input that names another order than its own."""

from __future__ import annotations

import uuid

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.types.order import CancellationInput, PlaceInput, ReturnRequestInput
from domain.ids import order_workflow_id
from domain.order.commands import CancellationReason
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from tests.support.sagas import PATIENT, Sagas, an_order
from workflows.order import OrderWorkflow
from workflows.types import OrderWorkflowInput


async def two_orders(sagas: Sagas) -> tuple[str, str]:
    """Place two orders that wait for their dispatch."""
    sku = await sagas.stocked(2)
    placed = [await sagas.place(an_order((sku, 1))) for _ in range(2)]
    for order_id in placed:
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return placed[0], placed[1]


async def test_an_update_that_names_another_order_is_refused_and_changes_neither(
    sagas: Sagas,
) -> None:
    mine, other = await two_orders(sagas)
    before = await sagas.events(f"order-{mine}"), await sagas.events(f"order-{other}")
    handle = sagas.workflow(mine)
    cancel = CancellationInput(other, CancellationReason.CUSTOMER_REQUEST, "customer:test", False)

    for update, request in [
        ("cancel", cancel),
        ("request_return", ReturnRequestInput(other, "customer:test", None)),
    ]:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update(update, request)
        cause = refused.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "INVALID_INPUT"

    after = await sagas.events(f"order-{mine}"), await sagas.events(f"order-{other}")
    assert after == before


async def test_a_signal_that_names_another_order_changes_neither(sagas: Sagas) -> None:
    mine, other = await two_orders(sagas)
    handle = sagas.workflow(mine)

    await handle.signal(
        OrderWorkflow.shipment_notification,
        ShipmentNotification(other, ShipmentNotificationKind.DISPATCHED),
    )
    await sagas.cancel(mine)  # would be too late for a parcel that has left

    await sagas.until(f"order-{mine}", "OrderCancelled")
    assert "OrderShipped" not in await sagas.events(f"order-{other}")


@pytest.mark.parametrize("is_named_by_its_command", [True, False])
async def test_a_workflow_does_not_start_for_another_order(
    sagas: Sagas, is_named_by_its_command: bool
) -> None:
    sku = await sagas.stocked(1)
    order, mine = an_order((sku, 1)), str(uuid.uuid4())
    named = mine if is_named_by_its_command else order.aggregate_id

    with pytest.raises(WorkflowFailureError):
        await sagas.client.execute_workflow(
            OrderWorkflow.run,
            OrderWorkflowInput(named, PATIENT, PlaceInput(order, "customer:test")),
            id=order_workflow_id(mine),
            task_queue=sagas.task_queue,
        )

    assert await sagas.events(f"order-{order.aggregate_id}") == []
    assert await sagas.events(f"order-{mine}") == []


@pytest.mark.parametrize("workflow_id", ["{}", "payment-{}", "another-{}"])
async def test_an_order_workflow_does_not_start_under_another_id_than_its_orders(
    sagas: Sagas, workflow_id: str
) -> None:
    """The ids of its events are derived from it: a second workflow would record them twice."""
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))

    with pytest.raises(WorkflowFailureError):
        await sagas.client.execute_workflow(
            OrderWorkflow.run,
            OrderWorkflowInput(order.aggregate_id, PATIENT, PlaceInput(order, "customer:test")),
            id=workflow_id.format(order.aggregate_id),
            task_queue=sagas.task_queue,
        )

    assert await sagas.events(f"order-{order.aggregate_id}") == []
