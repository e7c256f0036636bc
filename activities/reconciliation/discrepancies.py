"""Record where the log and another system disagree."""

from __future__ import annotations

from typing import Final

from activities.command_handler import CommandHandler, Step
from activities.types.reconciliation import Discrepancy
from domain.ids import order_workflow_id
from domain.saga.commands import ReconciledSystem, RecordDiscrepancy, ResolveDiscrepancy
from domain.saga.decide import SAGA
from kit.pool import Pool

_ON_RECORD: Final = """
    SELECT order_id FROM readmodel.saga_discrepancy
    WHERE system = ANY ($1)
    GROUP BY order_id
    ORDER BY random()
    LIMIT $2
"""


class DiscrepancyRecord:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    async def is_known(self, order_id: str, system: ReconciledSystem) -> bool:
        return system in (await self._handler.load(SAGA, order_id)).discrepancies

    async def found(self, discrepancy: Discrepancy) -> None:
        record = RecordDiscrepancy(
            aggregate_id=discrepancy.order_id,
            system=discrepancy.system,
            ours=discrepancy.ours,
            theirs=discrepancy.theirs,
        )
        await self._handler.handle(
            await self._step(discrepancy.order_id, discrepancy.system), record
        )

    async def settled(self, order_id: str, system: ReconciledSystem) -> None:
        """Resolve the discrepancy; without a recorded one this changes nothing."""
        settle = ResolveDiscrepancy(aggregate_id=order_id, system=system)
        await self._handler.handle(await self._step(order_id, system), settle)

    async def _step(self, order_id: str, system: ReconciledSystem) -> Step:
        so_far = len(await self._handler.events(SAGA, order_id))
        key = f"reconcile/{system.lower()}/{so_far + 1}"
        return Step(order_workflow_id(order_id), key, order_id)


class Discrepancies(DiscrepancyRecord):
    def __init__(self, pool: Pool, handler: CommandHandler) -> None:
        super().__init__(handler)
        self._pool = pool

    async def orders(self, *systems: ReconciledSystem, limit: int) -> list[str]:
        """Return orders with a recorded discrepancy, in random order so that none is starved."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_ON_RECORD, list(systems), limit)
        return [row[0] for row in rows]
