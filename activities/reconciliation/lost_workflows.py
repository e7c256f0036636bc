"""Run the aftercare of an order whose steps wait for an operator, if Temporal has lost it."""

from __future__ import annotations

from typing import Final

from activities.reconciliation.order_workflows import OrderWorkflows
from domain.ids import aftercare_workflow_id
from kit.bounded_gather import bounded_gather
from kit.pool import Pool

MAX_ORDERS: Final = 200
"""The orders of one run; the next run takes others."""
MAX_SECONDS: Final = 10.0

_PARKED: Final = """
    SELECT order_id FROM readmodel.parked_step
    WHERE workflow_id = $1 || order_id
    GROUP BY order_id
    ORDER BY random()
    LIMIT $2
"""


class ParkedAftercare:
    def __init__(self, pool: Pool, sagas: OrderWorkflows) -> None:
        self._pool = pool
        self._sagas = sagas

    async def resume(self) -> None:
        """Resume each. One that runs is not changed, and its history does not grow."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_PARKED, aftercare_workflow_id(""), MAX_ORDERS)
        order_ids = [row[0] for row in rows]
        await bounded_gather(order_ids, self._sagas.resume_aftercare, seconds=MAX_SECONDS)
