"""The differences between the log and other systems, for operators."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.saga.commands import ReconciledSystem
from projections.tables import order_view, saga_discrepancy
from queries.keyset import Page, PageRequest, fetch_page
from queries.order_waits import is_open
from queries.saga_history import Acceptance, DiscrepancyView


@dataclass(frozen=True, slots=True)
class ListedDiscrepancy:
    """`key` is its position in the list. `order_number` is None for an order that was never
    placed."""

    key: int
    order_id: str
    order_number: str | None
    discrepancy: DiscrepancyView


_LISTED: Final[Select[Any]] = select(saga_discrepancy, order_view.c.number).outerjoin(
    order_view, order_view.c.order_id == saga_discrepancy.c.order_id
)


class DiscrepancyQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def page(
        self,
        request: PageRequest[int],
        *,
        systems: Collection[ReconciledSystem] | None = None,
        accepted: bool | None = None,
    ) -> Page[ListedDiscrepancy]:
        """Return discrepancies, those that changed least recently first."""
        statement = _LISTED
        if systems is not None:
            statement = statement.where(saga_discrepancy.c.system.in_(systems))
        if accepted is not None:
            statement = statement.where(~is_open if accepted else is_open)
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, statement, saga_discrepancy.c.position, request)
        return page.of(_listed)

    async def get(self, order_id: str, system: ReconciledSystem) -> ListedDiscrepancy | None:
        is_it = saga_discrepancy.c.order_id == order_id, saga_discrepancy.c.system == system
        async with self._engine.connect() as connection:
            row = (await connection.execute(_LISTED.where(*is_it))).one_or_none()
        return None if row is None else _listed(row)


def _listed(row: Row[Any]) -> ListedDiscrepancy:
    accepted = None
    if row.accepted_at is not None:
        accepted = Acceptance(row.accepted_reason, row.accepted_by, row.accepted_at)
    system = ReconciledSystem(row.system)
    found = DiscrepancyView(system, row.ours, row.theirs, row.found_at, accepted)
    return ListedDiscrepancy(row.position, row.order_id, row.number, found)
