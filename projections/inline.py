"""The inline read models: changed in the transaction that appends their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from kit.pool import Connection
from projections import key_erasure
from projections.poison import cause_of, is_poison
from projections.projection import Inline
from projections.registry import INLINE
from projections.statements import Statement, statement


class ProjectionFailed(EventStoreError):
    """An inline projection cannot take an event, so that the append writes nothing.

    The error has no cause, since the message of the cause may show a value.
    """

    def __init__(self, projection: str, event_type: str, stream_id: str, cause: str) -> None:
        super().__init__(
            f"inline projection {projection} cannot take {event_type} of stream {stream_id}"
            f" ({cause}): mend the projection or its table, then append again"
        )
        self.projection = projection
        self.event_type = event_type
        self.stream_id = stream_id


class InlineReadModels:
    """Change the read models that a client may read right after its own write."""

    def __init__(self, projections: Sequence[Inline] = INLINE) -> None:
        self._projections: defaultdict[str, list[Inline]] = defaultdict(list)
        for projection in projections:
            for event_type in projection.types:
                self._projections[event_type].append(projection)

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        """Raises ProjectionFailed. The store itself reports a unique value that is taken."""
        for stored in events:
            await _execute(connection, key_erasure.statements(stored))
            for projection in self._projections[stored.type]:
                await _project(connection, projection, stored)


async def _project(connection: Connection, projection: Inline, stored: StoredEvent) -> None:
    try:
        changes = projection.apply(stored.decode(), stored)
        await _execute(connection, [statement(change) for change in changes])
    except asyncpg.UniqueViolationError:
        raise
    except Exception as error:
        if not is_poison(error):
            raise
        where = (projection.name, stored.type, stored.stream_id)
        raise ProjectionFailed(*where, cause_of(error)) from None


async def _execute(connection: Connection, statements: Sequence[Statement]) -> None:
    for sql, arguments in statements:
        await connection.execute(sql, *arguments)
