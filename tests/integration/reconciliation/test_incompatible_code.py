"""Recover workflows that were begun by incompatible code which no patched() bridges."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from domain.inventory.state import InventoryState
from domain.order.state import OrderStatus
from domain.provider_notifications import ShipmentNotificationKind
from providers.payment_simulator.methods import APPROVAL
from roles.temporal_worker import temporal_worker
from temporal.runner import WORKFLOWS
from tests.integration.reconciliation.conftest import Reconciliation
from tests.support.sagas import Sagas, an_order
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.types import OrderWorkflowInput, PaymentWorkflowInput, PaymentWorkflowResult

A_MOMENT = timedelta(milliseconds=1)
WAITS = EventType.EVENT_TYPE_TIMER_STARTED


@workflow.defn(name="OrderWorkflow")
class EarlierOrderWorkflow(OrderWorkflow):
    """An earlier workflow, with a timer that today's does not have."""

    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        await workflow.sleep(A_MOMENT)
        return await super().run(order)


@workflow.defn(name="PaymentWorkflow")
class EarlierPaymentWorkflow(PaymentWorkflow):
    @workflow.init
    def __init__(self, payment: PaymentWorkflowInput) -> None:
        super().__init__(payment)

    @workflow.run
    async def run(self, payment: PaymentWorkflowInput) -> PaymentWorkflowResult:
        await workflow.sleep(A_MOMENT)
        return await super().run(payment)


@asynccontextmanager
async def working(sagas: Sagas, *earlier: type) -> AsyncIterator[None]:
    """Run a worker with today's workflows, except those that are given in an earlier form."""
    replaced = {workflow.__name__.removeprefix("Earlier"): workflow for workflow in earlier}
    workflows: Sequence[type] = [replaced.get(today.__name__, today) for today in WORKFLOWS]
    activities = list(sagas.activities.values())
    async with temporal_worker(
        sagas.client, sagas.task_queue, activities, workflows=workflows, passed_through=("tests",)
    ):
        yield


async def is_waiting(sagas: Sagas, workflow_id: str) -> None:
    """Wait until the workflow waits beyond the timer that today's code does not have."""
    handle = sagas.client.get_workflow_handle(workflow_id)
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(RPCError):  # it is about to be started
                types = [e.event_type for e in (await handle.fetch_history()).events]
                if EventType.EVENT_TYPE_TIMER_FIRED in types and types[-1] == WAITS:
                    return
            await asyncio.sleep(0.01)


async def handed_over(sagas: Sagas, *workflow_ids: str) -> None:
    """Reset the sticky queues: otherwise Temporal waits ten seconds for the previous worker."""
    for workflow_id in workflow_ids:
        await sagas.client.workflow_service.reset_sticky_task_queue(
            ResetStickyTaskQueueRequest(
                namespace=sagas.client.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id),
            )
        )


async def test_an_order_begun_by_incompatible_code_is_recovered_without_a_repeat(
    idle_sagas: Sagas, reconciliation: Reconciliation
) -> None:
    sagas = idle_sagas
    async with working(sagas, EarlierOrderWorkflow):
        sku = await sagas.stocked(5)
        order_id = await sagas.place(an_order((sku, 2)))
        await is_waiting(sagas, f"order-{order_id}")
    await handed_over(sagas, f"order-{order_id}")

    async with working(sagas):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        with pytest.raises(WorkflowFailureError):
            await sagas.end(order_id)
        assert (await reconciliation.recover()).order_ids == (order_id,)
        await sagas.deliver(order_id)
        assert await sagas.end(order_id) == "COMPLETED"

    assert await sagas.events(f"order-{order_id}") == [
        "OrderCreated",
        "OrderReserved",
        "OrderAuthorized",
        "OrderConfirmed",
        "OrderShipped",
        "OrderDelivered",
        "OrderCompleted",
    ]
    assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]
    assert await sagas.inventory(sku) == InventoryState(received=5, shipped=2)
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}
    assert await sagas.carrier_simulator.effects(order_id) == {"created": (1, 2)}


async def test_a_payment_that_waits_for_its_customer_survives_incompatible_code(
    idle_sagas: Sagas,
) -> None:
    """The order's own workflow replays, and starts its payment's again."""
    sagas = idle_sagas
    async with working(sagas, EarlierPaymentWorkflow):
        order_id = await sagas.place(an_order((await sagas.stocked(5), 2), method=APPROVAL))
        await is_waiting(sagas, f"payment-{order_id}")
    await handed_over(sagas, f"order-{order_id}", f"payment-{order_id}")

    async with working(sagas):
        await sagas.approve(order_id)
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    assert "OrderCancellationRequested" not in await sagas.events(f"order-{order_id}")
    assert await sagas.money(order_id) == {"authorized": (1, 500)}


async def test_both_workflows_of_an_order_may_be_incompatible(
    idle_sagas: Sagas, reconciliation: Reconciliation
) -> None:
    sagas = idle_sagas
    async with working(sagas, EarlierOrderWorkflow, EarlierPaymentWorkflow):
        order_id = await sagas.place(an_order((await sagas.stocked(5), 2), method=APPROVAL))
        await is_waiting(sagas, f"payment-{order_id}")
    await handed_over(sagas, f"order-{order_id}", f"payment-{order_id}")

    async with working(sagas):
        await sagas.notify(
            order_id, ShipmentNotificationKind.DISPATCHED
        )  # wakes it too early, and does no harm
        with pytest.raises(WorkflowFailureError):
            await sagas.end(order_id)
        assert (await reconciliation.recover()).order_ids == (order_id,)
        await sagas.approve(order_id)
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    assert "OrderCancellationRequested" not in await sagas.events(f"order-{order_id}")
    assert await sagas.money(order_id) == {"authorized": (1, 500)}
