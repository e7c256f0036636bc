"""The inline read models: changed in the transaction that appends their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import asyncpg

from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from kit.pool import Connection
from projections import key_erasure
from projections.batches import Batch, Caused, batches, statement_of
from projections.poison import cause_of, is_poison
from projections.projection import Inline
from projections.registry import INLINE


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
            for sql, arguments in key_erasure.statements(stored):
                await connection.execute(sql, *arguments)
        for batch in batches(self._changes(events)):
            await _make(connection, batch)

    def _changes(self, events: Iterable[StoredEvent]) -> Iterator[Caused]:
        for stored in events:
            for projection in self._projections[stored.type]:
                with _naming(projection.name, stored):
                    for change in projection.apply(stored.decode(), stored):
                        yield Caused(projection.name, stored, change)


async def _make(connection: Connection, batch: Batch) -> None:
    with _naming(batch[0].projection, batch[0].stored):
        sql, arguments = statement_of(batch)
        await connection.execute(sql, *arguments)


@contextmanager
def _naming(projection: str, stored: StoredEvent) -> Iterator[None]:
    """Name the event that the projection cannot take: the first one of a batch."""
    try:
        yield
    except asyncpg.UniqueViolationError:
        raise
    except Exception as error:
        if not is_poison(error):
            raise
        where = (projection, stored.type, stored.stream_id)
        raise ProjectionFailed(*where, cause_of(error)) from None
