from __future__ import annotations

from temporalio.api.sdk.v1 import WorkflowMetadata

from domain.order.number import order_number
from tests.support.sagas import Sagas, an_order


async def test_the_web_ui_shows_the_orders_number_above_its_steps(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    metadata = await sagas.workflow(order_id).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )

    assert metadata.current_details.splitlines()[:3] == [
        f"Order {order_number(order_id, 0)}",
        "",
        "- **reserve**: done",
    ]
