"""Explain one order from its records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from eventstore.envelope import StoredEvent
from queries.explain.entries import Entry, EventEntry
from queries.explain.money import OrderMoney, money_of
from queries.explain.reading import OrderRecordQueries
from queries.explain.stock import LineStock, stock_of
from queries.explain.timeline import timeline_of
from queries.explain.waits import ExplainedWait, explained_waits
from queries.explain.workflows import WorkflowRun, WorkflowRuns
from queries.order_view import OrderView
from queries.saga_history import History
from queries.saga_ledger import SagaView, saga_view

MAX_ENTRIES: Final = 1_000


@dataclass(frozen=True, slots=True)
class OrderExplanation:
    order: OrderView
    saga: SagaView
    waits: Sequence[ExplainedWait]
    workflows: Sequence[WorkflowRun]
    trace_ids: Sequence[str]
    money: OrderMoney
    stock: Sequence[LineStock]
    timeline: Sequence[Entry]
    is_cut: bool
    """There are more entries than `timeline` has."""
    continue_after: int
    """The position of the last event shown: a timeline that was cut goes on after it."""
    position: int


class ExplainQueries:
    def __init__(self, engine: AsyncEngine, client: Client, ui_origin: str) -> None:
        self._records = OrderRecordQueries(engine)
        self._runs = WorkflowRuns(client, ui_origin)

    async def get(self, id_or_number: str) -> OrderExplanation | None:
        """Explain the order with this id or number, or return None if there is none.

        Everything but the states of the workflows is of one snapshot of the database.
        """
        records = await self._records.get(id_or_number)
        if records is None:
            return None
        ours = [each for each in records.events if each.category != "note"]
        history = History.of([*ours, *records.stock_events])
        saga = saga_view(records.order.id, history, records.failed_calls)
        timeline = timeline_of(records, saga)
        shown = timeline[:MAX_ENTRIES]
        is_cut = records.is_cut or len(timeline) > MAX_ENTRIES
        return OrderExplanation(
            order=records.order,
            saga=saga,
            waits=explained_waits(records.order, history, ours),
            workflows=await self._runs.of(saga.workflow_ids),
            trace_ids=trace_ids_of(records.events),
            money=money_of(records.order, ours),
            stock=stock_of(records.order.lines, records.stock_events),
            timeline=shown,
            is_cut=is_cut,
            continue_after=_last_position(shown),
            position=max(each.position for each in (*records.events, *records.stock_events)),
        )


def trace_ids_of(events: Iterable[StoredEvent]) -> list[str]:
    """Return each distinct trace id of the events, the oldest first (W3C Trace Context)."""
    parents = (each.metadata.traceparent for each in events)
    return list(dict.fromkeys(parent.split("-")[1] for parent in parents if parent))


def _last_position(entries: Sequence[Entry]) -> int:
    return max((each.position for each in entries if isinstance(each, EventEntry)), default=0)
