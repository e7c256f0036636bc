"""Find the workflows whose order is final or was never placed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from activities.reconciliation.discrepancies import Discrepancies
from activities.reconciliation.open_orders import OpenOrders
from activities.reconciliation.order_workflows import OrderWorkflows
from activities.types.reconciliation import Discrepancy
from domain.saga.commands import ReconciledSystem
from kit.bounded_gather import bounded_gather

MAX_ORPHANS: Final = 500
"""The workflows that one run looks at; the next run looks at the rest."""
MAX_SECONDS: Final = 10.0
RUNNING, ENDED = "running", "ended"


class OrphanedWorkflows:
    def __init__(
        self, open_orders: OpenOrders, discrepancies: Discrepancies, sagas: OrderWorkflows
    ) -> None:
        self._open_orders = open_orders
        self._discrepancies = discrepancies
        self._sagas = sagas

    async def compare(
        self, without_open_order: Mapping[str, datetime], now: datetime
    ) -> tuple[Discrepancy, ...]:
        """Compare these sagas, given with their start times, and the recorded ones with the log.

        `now` and the start times come from Temporal's clock.

        A saga that has just started may be about to place its order. A saga that has just recorded
        its end is about to close.
        """
        youngest = now - self._open_orders.grace
        old_enough = (saga for saga, since in without_open_order.items() if since <= youngest)
        suspects = set(islice(old_enough, MAX_ORPHANS))
        suspects.update(
            await self._discrepancies.orders(ReconciledSystem.WORKFLOW, limit=MAX_ORPHANS)
        )
        if not suspects:
            return ()
        not_open = await self._open_orders.not_open(suspects)

        async def judge(order_id: str) -> Discrepancy | None:
            return await self._judge(order_id, not_open.get(order_id))

        judged = await bounded_gather(sorted(suspects), judge, seconds=MAX_SECONDS)
        return tuple(
            discrepancy for discrepancy in judged.results.values() if discrepancy is not None
        )

    async def _judge(self, order_id: str, status: str | None) -> Discrepancy | None:
        """`status` is None when the order is open, so that its saga should run."""
        if status is None or not await self._sagas.is_running(order_id):
            await self._discrepancies.settled(order_id, ReconciledSystem.WORKFLOW)
            return None
        discrepancy = Discrepancy(order_id, ReconciledSystem.WORKFLOW, status, RUNNING)
        await self._discrepancies.found(discrepancy)
        return discrepancy
