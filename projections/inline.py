"""The inline read models: changed in the transaction that appends their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from eventstore.envelope import StoredEvent
from kit.pool import Connection
from projections import key_erasure
from projections.projection import Inline
from projections.registry import INLINE
from projections.statements import Statement, statement


class InlineReadModels:
    """Change the read models that a client may read right after its own write."""

    def __init__(self, projections: Sequence[Inline] = INLINE) -> None:
        self._projections: defaultdict[str, list[Inline]] = defaultdict(list)
        for projection in projections:
            for event_type in projection.types:
                self._projections[event_type].append(projection)

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        for stored in events:
            for sql, arguments in self.statements(stored):
                await connection.execute(sql, *arguments)

    def statements(self, stored: StoredEvent) -> Iterator[Statement]:
        """Yield the statements that this event asks for, in order."""
        event = stored.decode()
        yield from key_erasure.statements(event, stored)
        for projection in self._projections[stored.type]:
            for change in projection.apply(event, stored):
                yield statement(change)
