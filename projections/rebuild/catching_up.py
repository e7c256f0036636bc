"""Bring a copy forward by position: from the head that it was filled to, up to the live tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from eventstore import statements as sql
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection
from projections.copies import Copy
from projections.fold import Fold
from projections.parked import ParkedEvents
from projections.poison import is_poison
from projections.projection import Following, Projection
from projections.rebuild.errors import EventNotTaken, EventsParked

EVENTS_AT_ONCE: Final = 2_000
MAX_POSITION: Final = 2**63 - 1

_FOLLOWED: Final = "SELECT position FROM eventstore.checkpoint WHERE name = $1"


class CatchingUp:
    """Take the events above a position into one copy of a projection's tables."""

    def __init__(
        self,
        connection: Connection,
        store: PostgresEventStore,
        projection: Projection,
        copy: Copy,
        *,
        already: Collection[int] = (),
    ) -> None:
        self._connection = connection
        self._store = store
        self._projection = projection
        self.copy = copy
        self._already = frozenset(already)
        """The positions that the copy holds although they are above its own."""

    async def last(self) -> int:
        """Return the position up to which the live rows show the log at most."""
        if not isinstance(self._projection, Following):
            return MAX_POSITION
        return await self._connection.fetchval(_FOLLOWED, self._projection.checkpoint) or 0

    async def next(self, after: int) -> Sequence[StoredEvent]:
        """Return the next events up to the safe head, and up to the live rows."""
        last = await self.last()
        page = await self._store.load_all_events(
            after, EVENTS_AT_ONCE, types=self._projection.types
        )
        return [stored for stored in page if stored.position <= last]

    async def visible(self, after: int) -> Sequence[StoredEvent]:
        """Return the next events that this transaction sees, whether or not they are safe."""
        bounds = (after, await self.last(), EVENTS_AT_ONCE, sorted(self._projection.types), None)
        rows = await self._connection.fetch(sql.LOAD_SOME, *bounds)
        return [StoredEvent(*row) for row in rows]

    async def take(self, page: Sequence[StoredEvent]) -> None:
        """Take these events, in the caller's transaction. Raises EventNotTaken, or EventsParked.

        A copy without the parked events would miss them for good once the live rows have them.
        """
        if waiting := {stored.position for stored in page} & await self._parked():
            raise EventsParked(self._projection.name, len(waiting))
        try:
            async with self._connection.transaction():
                await self._fold(page)
        except Exception as error:
            if not is_poison(error):
                raise
            if len(page) == 1:
                raise EventNotTaken.at(page[0], error) from error
            for stored in page:
                await self.take([stored])

    async def _fold(self, page: Sequence[StoredEvent]) -> None:
        steps = [
            step
            for stored in page
            if stored.position not in self._already
            for step in self._projection.changes(stored)
        ]
        fold = Fold()
        await fold.add(self._connection, self.copy, steps)
        await fold.save(self._connection, self.copy)

    async def take_visible(self, after: int) -> int:
        """Take all events that this transaction sees, and return the position reached."""
        while page := await self.visible(after):
            await self.take(page)
            after = page[-1].position
        return after

    async def _parked(self) -> frozenset[int]:
        if not isinstance(self._projection, Following):
            return frozenset()
        return await ParkedEvents(self._connection, self._projection.checkpoint).all_positions()
