"""Read the records of one order, in one snapshot and in a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.note.decide import NOTE
from domain.order.number import read_number
from domain.saga.decide import SAGA
from eventstore.envelope import StoredEvent
from projections.tables import order_view
from queries.explain.stock import stock_event_ids
from queries.order_view import OrderView, order_of
from queries.orders import ORDERS
from queries.saga_attempts import FailedCall
from queries.updates import streams_of

MAX_ROWS: Final = 1_000
"""The most events of each stream, and the most rows of each other kind, that are read."""

# By stream and version, as the index has them: an order by position could read the whole log.
_EVENTS: Final = text("""
    SELECT e.position, e.stream_id, e.version, e.event_id, e.type, e.schema_version,
           e.data::text, e.metadata::text, e.recorded_at
    FROM unnest(CAST(:streams AS text[])) AS wanted (stream)
    CROSS JOIN LATERAL (
        SELECT * FROM eventstore.event
        WHERE stream_id = wanted.stream ORDER BY version LIMIT :limit
    ) AS e
""")
_STOCK_EVENTS: Final = text("""
    SELECT position, stream_id, version, event_id, type, schema_version,
           data::text, metadata::text, recorded_at
    FROM eventstore.event
    WHERE event_id = ANY(CAST(:ids AS uuid[])) AND starts_with(stream_id, 'inventory-')
""")
_FAILED_CALLS: Final = text("""
    SELECT step, number, code, message, started_at, failed_at
    FROM journal.failed_attempts
    WHERE order_id = :order_id
    ORDER BY step, number
    LIMIT :limit
""")
_WEBHOOKS: Final = text("""
    SELECT provider, event_id, type, received_at, handled_at
    FROM journal.webhook
    WHERE order_id = :order_id
    ORDER BY received_at, provider, event_id
    LIMIT :limit
""")
_NOTIFICATIONS: Final = text("""
    SELECT id, kind, channel, state, attempts, cause, created_at, ended_at
    FROM eventstore.notification
    WHERE order_id = :order_id
    ORDER BY created_at, position, channel, id
    LIMIT :limit
""")
# An endpoint keeps a bounded number of attempts. What waits is found by its stream.
_DELIVERIES: Final = text("""
    SELECT endpoint_id, event_id, event_type, at, outcome, status
    FROM eventstore.webhook_attempt
    WHERE event_id = ANY(CAST(:events AS uuid[]))
    UNION ALL
    SELECT d.endpoint_id, d.event_id, d.event_type, d.next_try_at, NULL, NULL
    FROM eventstore.webhook_endpoint AS endpoint
    JOIN eventstore.webhook_delivery AS d
      ON d.endpoint_id = endpoint.id AND d.stream_id = ANY(:streams)
    WHERE d.event_id = ANY(CAST(:events AS uuid[]))
    ORDER BY 4, 1, 2
    LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class OrderRecords:
    """All records of one order at one moment. The events are by position."""

    order: OrderView
    events: Sequence[StoredEvent]
    """The events of the order's own streams, notes included."""
    stock_events: Sequence[StoredEvent]
    failed_calls: Mapping[str, Sequence[FailedCall]]
    """The failed attempts by step, the oldest first."""
    webhooks: Sequence[Row[Any]]
    notifications: Sequence[Row[Any]]
    deliveries: Sequence[Row[Any]]
    is_cut: bool
    """There are more records than were read."""


class OrderRecordQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        # The read models, the events and the journal have to belong to one snapshot.
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    async def get(self, id_or_number: str) -> OrderRecords | None:
        async with self._engine.connect() as connection:
            order = await _order(connection, id_or_number)
            return None if order is None else await _records(connection, order)


async def _order(connection: AsyncConnection, id_or_number: str) -> OrderView | None:
    number = read_number(id_or_number)
    column, value = (
        (order_view.c.order_id, id_or_number) if number is None else (order_view.c.number, number)
    )
    row = (await connection.execute(ORDERS.where(column == value))).one_or_none()
    return None if row is None else order_of(row)


async def _records(connection: AsyncConnection, order: OrderView) -> OrderRecords:
    streams = [*streams_of(order.id), SAGA.stream(order.id), NOTE.stream(order.id)]
    skus = [line.sku for line in order.lines]
    asked: dict[str, object] = {"order_id": order.id, "limit": MAX_ROWS + 1}
    events = await _events(connection, {"streams": streams, "limit": MAX_ROWS + 1})
    stock_events = await _events(connection, {"ids": stock_event_ids(order.id, skus)})
    failed_calls = (await connection.execute(_FAILED_CALLS, asked)).all()
    webhooks = (await connection.execute(_WEBHOOKS, asked)).all()
    notifications = (await connection.execute(_NOTIFICATIONS, asked)).all()
    names = [*streams, *{each.stream_id for each in stock_events}]
    ids = [each.event_id for each in (*events, *stock_events)]
    asked = {"events": ids, "streams": names, "limit": MAX_ROWS + 1}
    deliveries = (await connection.execute(_DELIVERIES, asked)).all()
    return OrderRecords(
        order=order,
        events=events,
        stock_events=stock_events,
        failed_calls=_by_step(failed_calls),
        webhooks=webhooks,
        notifications=notifications,
        deliveries=deliveries,
        is_cut=any(
            len(each) > MAX_ROWS
            for each in (events, failed_calls, webhooks, notifications, deliveries)
        ),
    )


async def _events(connection: AsyncConnection, asked: dict[str, Any]) -> list[StoredEvent]:
    statement = _STOCK_EVENTS if "ids" in asked else _EVENTS
    found = [StoredEvent(*row) for row in await connection.execute(statement, asked)]
    return sorted(found, key=lambda stored: stored.position)


def _by_step(rows: Iterable[Row[Any]]) -> dict[str, list[FailedCall]]:
    calls: defaultdict[str, list[FailedCall]] = defaultdict(list)
    for row in rows:
        call = FailedCall(row.number, row.code, row.message, row.started_at, row.failed_at)
        calls[row.step].append(call)
    return calls
