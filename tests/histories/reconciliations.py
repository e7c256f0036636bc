"""Play every way of reconciliation on real servers. Each returns its run."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowHandle

from activities.types.reconciliation import ReconcileInput
from kit.pool import Pool
from providers.http_carrier import HttpCarrier
from roles.temporal_worker import temporal_worker
from tests.histories.paths import asked_for
from tests.integration.reconciliation.conftest import Providers, activities_for, reference
from tests.support.sagas import Sagas
from workflows.reconciliation import ReconciliationWorkflow, RecoveryWorkflow

Run = WorkflowHandle[Any, Any]
Path = Callable[[Sagas, Pool, Providers], Awaitable[Run]]

A_MOMENT: Final = timedelta(milliseconds=1)


async def _run(
    sagas: Sagas,
    pool: Pool,
    providers: Providers,
    run: Callable[[Any, ReconcileInput], Awaitable[object]],
    order_id: str,
) -> Run:
    queue = f"{sagas.task_queue}-reconciliation"
    activities = activities_for(sagas, pool, providers, grace=A_MOMENT)
    async with temporal_worker(sagas.client, queue, activities):
        handle = await sagas.client.start_workflow(
            run, ReconcileInput(order_id), id=f"reconciliation-{uuid.uuid4()}", task_queue=queue
        )
        await handle.result()
    return handle


async def lost_saga_recovered(sagas: Sagas, pool: Pool, providers: Providers) -> Run:
    order_id = await asked_for(sagas)
    await sagas.terminate(order_id)
    return await _run(sagas, pool, providers, RecoveryWorkflow.run, order_id)


async def discrepancy_found(sagas: Sagas, pool: Pool, providers: Providers) -> Run:
    order_id = await asked_for(sagas)
    held = await reference(sagas, order_id)
    await providers[0].capture(reference=held, amount=500, currency="EUR")
    return await _run(sagas, pool, providers, ReconciliationWorkflow.run, order_id)


async def providers_agree(sagas: Sagas, pool: Pool, providers: Providers) -> Run:
    order_id = await asked_for(sagas)
    return await _run(sagas, pool, providers, ReconciliationWorkflow.run, order_id)


async def provider_unavailable(sagas: Sagas, pool: Pool, providers: Providers) -> Run:
    order_id = await asked_for(sagas)
    deaf = HttpCarrier("key", "http://127.0.0.1:1")
    run = await _run(sagas, pool, (providers[0], deaf), ReconciliationWorkflow.run, order_id)
    await deaf.close()
    return run


RECONCILIATIONS: Final[dict[str, Path]] = {
    path.__name__: path
    for path in (lost_saga_recovered, discrepancy_found, providers_agree, provider_unavailable)
}
