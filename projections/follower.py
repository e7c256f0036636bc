"""Keep a following projection up to date, in the one process that leads it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.protocol import EventStore
from kit.faults import one_line
from kit.leadership import leading
from kit.pauses import with_pauses
from kit.pool import Connection, Pool
from kit.restart import is_database_away, restarting
from projections import status
from projections.copies import Copy
from projections.fold import Fold
from projections.parking_leader import ParkingLeader
from projections.projection import Following

ASK_EVERY: Final = timedelta(seconds=1)
"""The interval at which the leader looks for events to redrive."""
TERM: Final = timedelta(minutes=5)
"""A process that leads several projections resigns each after this time, for an idle process."""


class ProjectionStuck(EventStoreError):
    """So many streams are parked that the projection itself, or its table, must be at fault."""

    def __init__(self, projection: str, streams: int) -> None:
        super().__init__(
            f"projection {projection} cannot take events of {streams} streams: mend the"
            " projection, then redrive them"
        )


class Terms:
    """The projections that this process leads: they spread over the processes in time."""

    def __init__(self) -> None:
        self._led: set[str] = set()

    def begin(self, name: str) -> float:
        """Return the time by `monotonic()` at which the term ends."""
        self._led.add(name)
        return monotonic() + TERM.total_seconds()

    def end(self, name: str) -> None:
        self._led.discard(name)

    def is_over(self, term_ends: float) -> bool:
        return len(self._led) > 1 and monotonic() > term_ends

    async def wait_for_turn(self) -> None:
        """Let processes that lead fewer projections go first."""
        await asyncio.sleep(len(self._led))


class Follower:
    """Run in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(
        self, pool: Pool, store: EventStore, projection: Following, terms: Terms | None = None
    ) -> None:
        self._pool = pool
        self._store = store
        self._projection = projection
        self._terms = terms or Terms()

    async def run(self) -> NoReturn:
        """Run until cancelled. After a fault it starts again from the checkpoint."""
        await restarting(f"projection {self._projection.name}", self._lead, _may_restart)

    async def _lead(self) -> None:
        await self._terms.wait_for_turn()
        name = self._projection.checkpoint
        async with leading(self._pool, name) as connection:
            term_ends = self._terms.begin(name)
            try:
                await self._follow(connection, term_ends)
            except EventStoreError as error:
                await status.note_fault(connection, self._projection, one_line(error))
                raise
            finally:
                self._terms.end(name)

    async def _follow(self, connection: Connection, term_ends: float) -> None:
        leader = Leader(connection, self._store, self._projection)
        await leader.start()
        asked, is_noted = monotonic(), False
        async with (
            aclosing(self._store.follow(leader.position, types=self._projection.types)) as pages,
            aclosing(with_pauses(pages, ASK_EVERY)) as pages_and_pauses,
        ):
            async for page in pages_and_pauses:
                if page:
                    await leader.take(page)
                if not is_noted:  # until it takes events again, the last fault stays
                    await status.note_fault(connection, self._projection, None)
                    is_noted = True
                if monotonic() - asked >= ASK_EVERY.total_seconds():
                    await leader.redrive()
                    await leader.pass_others()
                    asked = monotonic()
                if self._terms.is_over(term_ends):
                    return


def _may_restart(error: BaseException) -> bool:
    # The log may have lost its tail, or another process has moved the checkpoint.
    return is_database_away(error) or isinstance(error, EventStoreError)


class Leader(ParkingLeader):
    """It folds the events into the rows of the live tables."""

    def __init__(self, connection: Connection, store: EventStore, projection: Following) -> None:
        super().__init__(
            connection,
            store,
            name=f"projection {projection.name}",
            checkpoint=projection.checkpoint,
            types=projection.types,
        )
        self._projection = projection

    async def _write(self, events: Sequence[StoredEvent]) -> None:
        fold = Fold()
        steps = [step for stored in events for step in self._projection.changes(stored)]
        await fold.add(self._connection, Copy.LIVE, steps)
        await fold.save(self._connection, Copy.LIVE)

    def _stuck(self, streams: int) -> ProjectionStuck:
        return ProjectionStuck(self._projection.name, streams)
