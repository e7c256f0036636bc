"""State a test of a projection as: given these events, then these rows. No database is needed.

given(PRODUCTS, [listed, renamed]).then({product_view: [{"sku": "cup", "name": "Mug"}]})
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table

from domain.event import Event
from eventstore.envelope import EventMetadata, StoredEvent
from projections.change import Given as GivenRow
from projections.change import Key, Row, Step, evolve
from projections.columns import types
from projections.projection import Following, Projection, category_of

BEGAN: Final = datetime(2026, 11, 23, tzinfo=UTC)
METADATA: Final = EventMetadata(correlation_id="test", actor="operator:test")
ID_FIELDS: Final = {"customer": "customer_id", "inventory": "sku", "product": "sku"}
"""The field that holds the id of the aggregate, by category; `order_id` in the others."""


def recorded_at(position: int) -> datetime:
    return BEGAN + timedelta(seconds=position)


def stored_events(events: Iterable[Event]) -> Sequence[StoredEvent]:
    """Return the events as the log holds them: positions from 1, and versions in each stream."""
    versions: Counter[str] = Counter()
    stored = []
    for position, event in enumerate(events, start=1):
        category = category_of(type(event))
        stream_id = f"{category}-{getattr(event, ID_FIELDS.get(category, 'order_id'))}"
        versions[stream_id] += 1
        stored.append(
            StoredEvent(
                position=position,
                stream_id=stream_id,
                version=versions[stream_id],
                event_id=UUID(int=position),
                type=type(event).__name__,
                schema_version=event.schema_version,
                data_json=event.model_dump_json(),
                metadata_json=METADATA.json_text,
                recorded_at=recorded_at(position),
            )
        )
    return stored


class Rows:
    """The rows of one projection, made in memory by one event after the other."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._rows: defaultdict[Table, dict[Key, Row | None]] = defaultdict(dict)
        self._position = 0

    def take(self, stored: StoredEvent) -> None:
        """Take the event, unless its position is at or below the checkpoint, as a follower."""
        if stored.position > self._position and stored.type in self._projection.types:
            for step in self._projection.changes(stored):
                self._make(step)
        self._position = max(self._position, stored.position)

    def of(self, table: Table) -> Sequence[Mapping[str, Any]]:
        return [_decoded(table, row) for row in self._rows[table].values() if row is not None]

    def _make(self, step: Step) -> None:
        assert step.table in self._projection.tables, f"{step.table.name} is no table of it"
        rows = self._rows[step.table]
        row = rows.get(step.key)
        if isinstance(step, GivenRow):
            for change in step.changes(row and dict(row)):
                self._make(change)
        else:
            rows[step.key] = evolve(row, step)


class Given:
    def __init__(self, projection: Projection, events: Sequence[StoredEvent]) -> None:
        self._projection = projection
        self._events = events

    def twice_each(self) -> Given:
        """Deliver each event again, as after a crash between an event and its checkpoint.

        Only a follower compares positions. The store itself recognizes a repeated append, so that
        an inline projection receives no event twice.
        """
        if not isinstance(self._projection, Following):
            raise TypeError(f"{self._projection.name} is inline: no event reaches it twice")
        return Given(self._projection, [event for event in self._events for _ in range(2)])

    def then(self, expected: Mapping[Table, Sequence[Mapping[str, Any]]]) -> None:
        """Assert exactly these rows, in the columns that they name; other tables have no row."""
        rows = Rows(self._projection)
        for stored in self._events:
            rows.take(stored)
        for table in self._projection.tables:
            wanted = expected.get(table, ())
            named = {column for row in wanted for column in row}
            found = [{c: v for c, v in row.items() if c in named} for row in rows.of(table)]
            assert found == list(wanted), f"{table.name}: {found}, expected {list(wanted)}"


def given(projection: Projection, events: Iterable[Event]) -> Given:
    return Given(projection, stored_events(events))


def _decoded(table: Table, row: Row) -> Mapping[str, Any]:
    """Return the row with its JSON decoded."""
    kinds = types(table)
    return {
        name: json.loads(value) if kinds[name] == "JSONB" and value is not None else value
        for name, value in row.items()
    }
