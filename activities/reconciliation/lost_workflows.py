"""Run the workflows again that were cut off and that no open order brings back.

A workflow that is terminated leaves its steps parked for ever: those of an ended order, also where
the step itself has succeeded, of a refund that has ended, and of the aftercare. An aftercare that
has nothing parked yet may have been cut off too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from activities.reconciliation.lost_refunds import RefundWorkflows
from activities.reconciliation.order_workflows import OrderWorkflows
from domain.ids import (
    aftercare_workflow_id,
    order_workflow_id,
    refund_of_workflow,
    return_workflow_id,
)
from domain.order.state import FINAL
from kit.bounded_gather import bounded_gather
from kit.pool import Pool

MAX_WORKFLOWS: Final = 200
"""The workflows of one run; the next run takes others."""
MAX_SECONDS: Final = 10.0

# The recovery of an open order takes up what its own workflows have left.
_PARKED: Final = """
    SELECT s.order_id, s.workflow_id, o.customer_id
    FROM readmodel.parked_step AS s JOIN readmodel.order_view AS o USING (order_id)
    WHERE o.status = ANY ($1) OR s.workflow_id NOT IN ($2 || order_id, $3 || order_id)
    GROUP BY s.order_id, s.workflow_id, o.customer_id
    ORDER BY random()
    LIMIT $4
"""

_OURS: Final = "SELECT order_id FROM readmodel.order_view WHERE order_id = ANY ($1)"


class _Parked(NamedTuple):
    order_id: str
    workflow_id: str
    customer_id: str


class LostWorkflows:
    def __init__(self, pool: Pool, sagas: OrderWorkflows, refunds: RefundWorkflows) -> None:
        self._pool = pool
        self._sagas = sagas
        self._refunds = refunds

    async def resume(self) -> None:
        """Resume each. One that runs is not changed, and its history does not grow."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(
                _PARKED,
                sorted(FINAL),
                order_workflow_id(""),
                return_workflow_id(""),
                MAX_WORKFLOWS,
            )
        parked = [_Parked(*row) for row in rows]
        await bounded_gather(parked, self._resume, seconds=MAX_SECONDS)
        cut_off = await self._sagas.cut_off_aftercare(MAX_WORKFLOWS)
        async with self._pool.acquire() as connection:
            ours = [row[0] for row in await connection.fetch(_OURS, cut_off)]
        await bounded_gather(ours, self._sagas.resume_aftercare, seconds=MAX_SECONDS)

    async def _resume(self, parked: _Parked) -> None:
        """Run the workflow in which the steps are parked: it ends them, or parks them again.

        The workflow of an ended order ends what it and its return have left.
        """
        order_id, workflow_id, customer_id = parked
        number = refund_of_workflow(workflow_id)
        if workflow_id == aftercare_workflow_id(order_id):
            await self._sagas.resume_aftercare(order_id)
        elif number is not None:
            await self._refunds.run_refund(order_id, number)
        elif workflow_id in {order_workflow_id(order_id), return_workflow_id(order_id)}:
            await self._sagas.recover(order_id, customer_id)
