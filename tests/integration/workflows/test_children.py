"""An order's workflow starts children and cancels them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from benchmarks.saga.orders import CUSTOMER
from domain.ids import digest_of_customer
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL
from roles.temporal_worker import temporal_worker
from tests.support.gates import Gate
from tests.support.sagas import Sagas, an_order
from workflows import search_attributes
from workflows.child import run_child
from workflows.options import DATABASE


async def customer_of(sagas: Sagas, workflow_id: str) -> str | None:
    described = await sagas.client.get_workflow_handle(workflow_id).describe()
    return described.typed_search_attributes.get(search_attributes.CUSTOMER)


async def test_a_payment_that_waits_is_found_by_its_customer(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")
    assert await customer_of(sagas, f"payment-{order_id}") == digest_of_customer(CUSTOMER)


async def test_a_return_is_found_by_its_customer(sagas: Sagas) -> None:
    patient = sagas.within(return_window=timedelta(minutes=5))
    ordered = an_order((await sagas.stocked(5), 2), postal_code=NORMAL)
    order_id = await patient.arrived(ordered)
    await sagas.send_back(order_id)
    await sagas.until_running(f"return-{order_id}")
    assert await customer_of(sagas, f"return-{order_id}") == digest_of_customer(CUSTOMER)


@workflow.defn
class WaitsForever:
    @workflow.run
    async def run(self, name: str) -> None:
        del name  # every child has an argument
        await workflow.wait_condition(lambda: False)


@workflow.defn
class Parent:
    """Keep the workflow task that starts the child open until the activity `hold` has ended."""

    @workflow.run
    async def run(self, child_id: str) -> None:
        holding = workflow.start_local_activity("hold", **DATABASE)
        await run_child(WaitsForever.run, child_id, id=child_id)
        await holding


async def test_a_child_whose_start_is_not_confirmed_yet_is_cancelled_with_its_parent(
    sagas: Sagas,
) -> None:
    """Temporal delivers the cancellation before it confirms the start of the child.

    The cancellation comes in the workflow task after the one that starts the child.
    """
    gate = Gate()

    @activity.defn
    async def hold() -> None:
        await gate.stop_here()

    child_id, queue = f"child-{uuid.uuid4()}", f"children-{uuid.uuid4()}"
    workflows = [Parent, WaitsForever]
    async with temporal_worker(
        sagas.client, queue, [hold], workflows=workflows, passed_through=("tests",)
    ):
        parent = await sagas.client.start_workflow(
            Parent.run, child_id, id=f"parent-{uuid.uuid4()}", task_queue=queue
        )
        await gate.reached()
        await parent.cancel()
        gate.open()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(parent.result(), 20)
    history = {event.event_type for event in (await parent.fetch_history()).events}
    assert EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED in history
