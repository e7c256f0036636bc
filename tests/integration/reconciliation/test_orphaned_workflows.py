"""Find workflows whose order has ended, or was never placed."""

from __future__ import annotations

import uuid
from dataclasses import replace

from activities.types.reconciliation import Discrepancy
from domain.saga.commands import ReconciledSystem
from tests.integration.reconciliation.conftest import Reconciliation, a_waiting_order
from tests.support.sagas import Sagas


async def run_orphaned(sagas: Sagas, order_id: str) -> None:
    unused = f"no-worker-{uuid.uuid4()}"
    await replace(sagas, task_queue=unused).recover(order_id)


async def of_orders(reconciliation: Reconciliation, *order_ids: str) -> list[Discrepancy]:
    """Keep only these orders: sagas of other tests run in the same Temporal."""
    discrepancies = (await reconciliation.recover()).discrepancies
    return [discrepancy for discrepancy in discrepancies if discrepancy.order_id in order_ids]


async def test_an_orphaned_workflow_is_a_discrepancy_until_it_ends(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await a_waiting_order(sagas)
    await sagas.cancel(order_id)
    assert await sagas.end(order_id) == "CANCELLED"
    assert await of_orders(reconciliation, order_id) == []
    await run_orphaned(sagas, order_id)

    needless = Discrepancy(order_id, ReconciledSystem.WORKFLOW, "CANCELLED", "running")
    assert await of_orders(reconciliation, order_id) == [needless]
    assert await of_orders(reconciliation, order_id) == [needless]
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound"]

    await sagas.terminate(order_id)
    assert await of_orders(reconciliation, order_id) == []
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound", "DiscrepancyResolved"]


async def test_a_workflow_of_an_unknown_order_is_a_discrepancy(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = str(uuid.uuid4())
    await run_orphaned(sagas, order_id)

    assert await of_orders(reconciliation, order_id) == [
        Discrepancy(order_id, ReconciledSystem.WORKFLOW, "no such order", "running")
    ]
    await sagas.terminate(order_id)
    await of_orders(reconciliation, order_id)
    assert await sagas.events(f"saga-{order_id}") == ["DiscrepancyFound", "DiscrepancyResolved"]


async def test_the_saga_of_an_open_order_is_not_orphaned(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await a_waiting_order(sagas)
    assert await of_orders(reconciliation, order_id) == []
    assert await sagas.events(f"saga-{order_id}") == []
