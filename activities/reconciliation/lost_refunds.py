"""Find the requested refunds that have lost their workflow, and run them again from the log."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final, Protocol

from kit.bounded_gather import bounded_gather
from kit.pool import Pool

logger = logging.getLogger(__name__)

MAX_REFUNDS: Final = 1000
"""The open refunds that one run looks at, the oldest first."""
MAX_SECONDS: Final = 20.0

Refund = tuple[str, int]
"""The order's id, and the number of the refund."""

_OPEN: Final = """
    SELECT order_id, number FROM readmodel.order_refund
    WHERE ended_at IS NULL AND requested_at < clock_timestamp() - $1::interval
    ORDER BY requested_at
    LIMIT $2
"""


class RefundWorkflows(Protocol):
    async def run_refund(self, order_id: str, number: int) -> bool:
        """Run the workflow of the refund unless it runs; return whether it was started."""


class LostRefunds:
    """`grace` is how long the request may take from the log to the start of its workflow."""

    def __init__(self, pool: Pool, workflows: RefundWorkflows, grace: timedelta) -> None:
        self._pool = pool
        self._workflows = workflows
        self._grace = grace

    async def recover(self) -> list[Refund]:
        """Start the workflow of each open refund that has none. One that fails is left to the next
        run."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_OPEN, self._grace, MAX_REFUNDS)
        refunds: list[Refund] = [(row["order_id"], row["number"]) for row in rows]
        done = await bounded_gather(refunds, self._recover, seconds=MAX_SECONDS)
        return [refund for refund, is_started in done.results.items() if is_started]

    async def _recover(self, refund: Refund) -> bool:
        order_id, number = refund
        if not await self._workflows.run_refund(order_id, number):
            return False
        logger.warning("refund %d of order %s had no workflow and is recovered", number, order_id)
        return True
