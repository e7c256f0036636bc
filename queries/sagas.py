"""Sagas as operators see them: read from the log, with the attempts that have failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.ids import event_id_for, order_workflow_id
from domain.saga.commands import ReconciledSystem
from domain.saga.decide import SAGA
from domain.saga.plan import RELEASE
from eventstore.checkpoint import COMPARED
from eventstore.envelope import StoredEvent
from projections.tables import parked_step, saga_discrepancy
from queries.keyset import Page, PageRequest, fetch_page
from queries.order_waits import is_open
from queries.saga_attempts import FailedCall
from queries.saga_history import History, ParkingView
from queries.saga_ledger import SagaView, saga_view
from queries.updates import streams_of

_EVENTS: Final = text("""
    SELECT position, stream_id, version, event_id, type, schema_version,
           data::text, metadata::text, recorded_at
    FROM (
        SELECT * FROM eventstore.event WHERE stream_id = ANY(:streams)
        UNION ALL
        SELECT * FROM eventstore.event WHERE event_id = ANY(CAST(:releases AS uuid[]))
    ) AS e
""")
_FAILED_CALLS: Final = text("""
    SELECT order_id, step, number, code, message, started_at, failed_at
    FROM journal.failed_attempts
    WHERE order_id = ANY(:order_ids)
    ORDER BY order_id, step, number
""")
_PARKED_ATTEMPTS: Final = text("""
    SELECT order_id, step, parking, count AS attempts, code, message, failed_at, retry_at
    FROM journal.parked_attempt
    WHERE order_id = ANY(:order_ids)
""")
_PARKED: Final = (
    select(parked_step.c.order_id, func.min(parked_step.c.position).label("position"))
    .group_by(parked_step.c.order_id)
    .subquery()
)
_PARKED_FIGURES: Final = text("""
    SELECT count(DISTINCT order_id),
           greatest(extract(epoch FROM clock_timestamp() - min(parked_at)), 0)
    FROM readmodel.parked_step
""")
_RECONCILIATION_FIGURES: Final = text("""
    SELECT (SELECT coalesce(sum(times), 0) FROM readmodel.saga_recovery),
           (SELECT count(*) FROM journal.unchecked_order),
           greatest(extract(epoch FROM clock_timestamp() - (
               SELECT recorded_at FROM eventstore.event
               WHERE position > (SELECT position FROM eventstore.checkpoint WHERE name = :compared)
               ORDER BY position
               LIMIT 1
           )), 0)
""")
_DISCREPANCIES: Final = (
    select(saga_discrepancy.c.system, func.count())
    .where(is_open)
    .group_by(saga_discrepancy.c.system)
)


@dataclass(frozen=True, slots=True)
class ParkedSaga:
    """`key` is its position in the list of the parked sagas."""

    key: int
    saga: SagaView


@dataclass(frozen=True, slots=True)
class SagaFigures:
    parked: int
    oldest_seconds: float
    """The seconds since the oldest of them was parked; 0 for none."""
    discrepancies: Mapping[ReconciledSystem, int]
    recoveries: int
    """The number of recoveries in total."""
    unchecked_orders: int
    """The number of orders whose comparison failed."""
    reconciliation_lag_seconds: float
    """The age of the oldest event that was not compared yet; 0 for none."""


class SagaQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, order_id: str) -> SagaView | None:
        async with self._engine.connect() as connection:
            return (await _sagas(connection, [order_id])).get(order_id)

    async def parked(self, request: PageRequest[int]) -> Page[ParkedSaga]:
        """Return the sagas that wait for an operator, the longest waiting first."""
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, select(_PARKED), _PARKED.c.position, request)
            sagas = await _sagas(connection, [row.order_id for row in page.items])
        items = [ParkedSaga(row.position, sagas[row.order_id]) for row in page.items]
        return Page(items, page.has_next, page.has_previous)

    async def figures(self) -> SagaFigures:
        async with self._engine.connect() as connection:
            parked, oldest_seconds = (await connection.execute(_PARKED_FIGURES)).one()
            counts = (await connection.execute(_DISCREPANCIES)).all()
            names = {"compared": COMPARED}
            figures = (await connection.execute(_RECONCILIATION_FIGURES, names)).one()
        found = {ReconciledSystem(system): count for system, count in counts}
        recoveries, unchecked_orders, lag_seconds = figures
        return SagaFigures(
            parked=parked,
            oldest_seconds=float(oldest_seconds),
            discrepancies={system: found.get(system, 0) for system in ReconciledSystem},
            recoveries=recoveries,
            unchecked_orders=unchecked_orders,
            reconciliation_lag_seconds=float(lag_seconds),
        )


async def _sagas(connection: AsyncConnection, order_ids: Sequence[str]) -> dict[str, SagaView]:
    """Return the sagas by order, in three statements for any number of orders."""
    streams = [s for order_id in order_ids for s in (*streams_of(order_id), SAGA.stream(order_id))]
    releases = {release_event_id(order_id): order_id for order_id in order_ids}
    events: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    for row in await connection.execute(_EVENTS, {"streams": streams, "releases": list(releases)}):
        stored = StoredEvent(*row)
        events[releases.get(stored.event_id, stored.aggregate_id)].append(stored)
    calls: defaultdict[str, defaultdict[str, list[FailedCall]]] = defaultdict(_no_calls)
    for order_id, step, *call in await connection.execute(_FAILED_CALLS, {"order_ids": order_ids}):
        calls[order_id][step].append(FailedCall(*call))
    histories = {order_id: History.of(of_order) for order_id, of_order in events.items()}
    for row in await connection.execute(_PARKED_ATTEMPTS, {"order_ids": order_ids}):
        if row.order_id in histories:
            _show_latest(row, histories[row.order_id].parked)
    return {
        order_id: saga_view(order_id, history, calls[order_id])
        for order_id, history in histories.items()
    }


def _no_calls() -> defaultdict[str, list[FailedCall]]:
    return defaultdict(list)


def release_event_id(order_id: str) -> UUID:
    """Return the id of the first event of the order's release, which is in a stream of stock."""
    return event_id_for(order_workflow_id(order_id), RELEASE.name, 0)


def _show_latest(attempt: Row[Any], parked: dict[str, ParkingView]) -> None:
    """Show the latest failure of a parked step, if it is of the parking that is open."""
    parking = parked.get(attempt.step)
    if parking is not None and parking.number == attempt.parking:
        parked[attempt.step] = replace(
            parking,
            code=attempt.code,
            message=attempt.message,
            attempts=attempt.attempts,
            failed_at=attempt.failed_at,
            retry_at=attempt.retry_at,
        )
