"""Keep a following projection up to date, in the one process that leads it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from eventstore.checkpoint import Checkpoint
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.protocol import EventStore
from kit.faults import one_line
from kit.leadership import leading
from kit.pauses import with_pauses
from kit.pool import Connection, Pool
from kit.restart import is_database_away, restarting
from observability.work import took
from projections import status
from projections.copies import Copy
from projections.fold import Fold
from projections.parked import ParkedEvents
from projections.poison import cause_of, is_poison
from projections.projection import Following

PAUSES: Final = (0.05, 0.2, 1.0)
"""The seconds before each repetition of an event that fails; after the last one it is parked."""
MAX_PARKED_STREAMS: Final = 100
"""With more parked streams, the events are not the cause: the projection stops and says so."""
ASK_EVERY: Final = timedelta(seconds=1)
"""The interval at which the leader looks for events to redrive."""
TERM: Final = timedelta(minutes=5)
"""A process that leads several projections resigns each after this time, for an idle process."""

logger = logging.getLogger(__name__)


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


class Leader:
    """The work of the process that leads: rows and checkpoint change in one transaction.

    The checkpoint is the fence. A leader that was stopped, and continues after another has taken
    over, cannot advance it, and so writes nothing.
    """

    def __init__(self, connection: Connection, store: EventStore, projection: Following) -> None:
        self._connection = connection
        self._store = store
        self._projection = projection
        self._parked = ParkedEvents(connection, projection.checkpoint)

    async def start(self) -> None:
        """Read the state, and take parked events again: the code of this process may take them."""
        self._checkpoint = await Checkpoint.read(self._connection, self._projection.checkpoint)
        await self._parked.read()
        for stream_id in sorted(self._parked.streams):
            await self._redrive(stream_id)

    @property
    def position(self) -> int:
        return self._checkpoint.position

    async def take(self, page: Sequence[StoredEvent]) -> None:
        """Take the next events. One that fails for good is parked with its stream."""
        try:
            await self._apply(page)
        except Exception as error:
            if not is_poison(error):
                raise
            for stored in page:
                await self._take_one(stored)

    async def redrive(self) -> None:
        """Take the parked events again that an operator asks for."""
        for stream_id in await self._parked.redriven():
            await self._redrive(stream_id)

    async def pass_others(self) -> None:
        """Advance over events of other types, so that they do not count as lag."""
        head = await self._store.safe_head()
        types = self._projection.types
        if head > self.position and not await self._store.load_all_events(
            self.position, 1, types=types
        ):
            await self._checkpoint.advance(head)

    async def _apply(self, page: Sequence[StoredEvent]) -> None:
        streams = self._parked.streams
        async with self._connection.transaction():
            await self._parked.hold([s for s in page if s.stream_id in streams])
            await self._fold([s for s in page if s.stream_id not in streams])
            await self._checkpoint.advance(page[-1].position)
        took(f"projection {self._projection.name}", [s.recorded_at for s in page])

    async def _take_one(self, stored: StoredEvent) -> None:
        for pause in (*PAUSES, None):
            try:
                return await self._apply([stored])
            except Exception as error:
                if not is_poison(error):
                    raise
                if pause is None:
                    return await self._park(stored, error)
                await asyncio.sleep(pause)
        return None

    async def _park(self, stored: StoredEvent, error: Exception) -> None:
        if len(self._parked.streams) >= MAX_PARKED_STREAMS:
            raise ProjectionStuck(self._projection.name, MAX_PARKED_STREAMS) from error
        async with self._connection.transaction():
            await self._parked.park(stored, cause_of(error), len(PAUSES) + 1)
            await self._checkpoint.advance(stored.position)
        logger.error(
            "projection %s: stream %s is parked at position %d: %s",
            *(self._projection.name, stored.stream_id, stored.position, cause_of(error)),
        )

    async def _redrive(self, stream_id: str) -> None:
        positions = await self._parked.positions(stream_id)
        for stored in await self._store.load_events(stream_id):
            if stored.position in positions and not await self._retake(stored):
                return
        self._parked.streams.discard(stream_id)

    async def _retake(self, stored: StoredEvent) -> bool:
        """Take a parked event, and return whether that succeeded."""
        try:
            async with self._connection.transaction():
                await self._fold([stored])
                await self._parked.release(stored)
                await self._checkpoint.advance(self.position)
        except Exception as error:
            if not is_poison(error):
                raise
            await self._parked.failed_again(stored, cause_of(error))
            return False
        return True

    async def _fold(self, events: Sequence[StoredEvent]) -> None:
        fold = Fold()
        steps = [step for stored in events for step in self._projection.changes(stored)]
        await fold.add(self._connection, Copy.LIVE, steps)
        await fold.save(self._connection, Copy.LIVE)
