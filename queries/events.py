"""The events of the log as staff read them: in order, without personal data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.privacy import personal_fields
from domain.registry import EVENT_TYPES
from eventstore.envelope import StoredEvent
from eventstore.protocol import EventStore
from queries.keyset import Page
from queries.story import without_personal_data

# In a stream, the versions rise with the positions. An event of the stream at `after` says from
# which version to read, so that no page reads the events before it.
_OF_STREAM: Final = text("""
    SELECT position, stream_id, version, event_id, type, schema_version,
           data::text, metadata::text, recorded_at
    FROM eventstore.event
    WHERE stream_id = :stream AND position > :after AND position <= :head
      AND version > coalesce((
          SELECT version FROM eventstore.event WHERE position = :after AND stream_id = :stream
      ), 0)
      AND (CAST(:types AS text[]) IS NULL OR type = ANY(:types))
    ORDER BY version
    LIMIT :limit
""")


class BeyondHead(Exception):
    """The position is above the safe head: the log has not come this far."""


@dataclass(frozen=True, slots=True)
class EventSearch:
    """`size` events above a position; None restricts nothing."""

    size: int
    after: int | None = None
    stream: str | None = None
    types: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class EventView:
    """An event in its current schema. `data` leaves personal values out."""

    position: int
    id: UUID
    stream: str
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    correlation_id: str
    actor: str | None
    data: Mapping[str, Any]


class EventQueries:
    """Reads the log up to its safe head, which the store gives."""

    def __init__(self, engine: AsyncEngine, store: EventStore) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._store = store

    async def page(self, search: EventSearch) -> Page[EventView]:
        """Return events by position, the oldest first. Raises BeyondHead."""
        head = await self._store.safe_head()
        if (search.after or 0) > head:
            raise BeyondHead
        found = await self._found(search, head)
        page = Page(
            found[: search.size],
            has_next=len(found) > search.size,
            has_previous=search.after is not None,
        )
        return page.of(_view)

    async def _found(self, search: EventSearch, head: int) -> list[StoredEvent]:
        """Return one event more than the page has, if there is one."""
        after, limit = search.after or 0, search.size + 1
        if search.stream is None:
            return await self._store.load_all_events(after, limit, types=search.types)
        asked = {
            "stream": search.stream,
            "after": after,
            "head": head,
            "limit": limit,
            "types": None if search.types is None else list(search.types),
        }
        async with self._engine.connect() as connection:
            return [StoredEvent(*row) for row in await connection.execute(_OF_STREAM, asked)]


def _view(stored: StoredEvent) -> EventView:
    shown = without_personal_data(stored)
    personal = personal_fields(EVENT_TYPES[shown.type])
    metadata = stored.metadata
    return EventView(
        position=shown.position,
        id=shown.event_id,
        stream=shown.stream_id,
        version=shown.version,
        type=shown.type,
        schema_version=shown.schema_version,
        recorded_at=shown.recorded_at,
        correlation_id=metadata.correlation_id,
        actor=metadata.actor,
        data={name: value for name, value in shown.data.items() if name not in personal},
    )
