"""An order whose payment workflow cannot start yet can be cancelled, and paid when it starts."""

from __future__ import annotations

from temporalio import workflow
from temporalio.api.enums.v1 import EventType

from domain.inventory.state import InventoryState
from providers.payment_simulator.methods import DECLINED, VISA
from tests.support.sagas import Sagas, an_order


@workflow.defn(name="Squatter")
class Squatter:
    """A workflow that only occupies a workflow id."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


async def test_an_order_is_cancelled_though_its_payment_workflow_did_not_start(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), method=DECLINED)
    order_id = order.aggregate_id
    squatter = await sagas.client.start_workflow(
        Squatter.run, id=f"payment-{order_id}", task_queue="no-worker"
    )
    await sagas.place(order)
    await sagas.until_written(order_id, EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    await squatter.terminate()


async def test_a_payment_whose_workflow_id_was_taken_starts_when_it_is_free(
    sagas: Sagas,
) -> None:
    order = an_order((await sagas.stocked(1), 1), method=DECLINED)
    order_id = order.aggregate_id
    squatter = await sagas.client.start_workflow(
        Squatter.run, id=f"payment-{order_id}", task_queue="no-worker"
    )
    await sagas.place(order)
    await sagas.until_written(order_id, EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)

    await squatter.terminate()
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
