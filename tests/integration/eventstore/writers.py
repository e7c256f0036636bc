"""Writers that roll back, linger and lose connections, and record what the log acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from eventstore.envelope import StoredEvent, StreamAppend
from eventstore.errors import VersionConflict
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import CONNECTION_LOST, Connection, Pool
from tests.integration.eventstore.conftest import some_events

CUT = CONNECTION_LOST

# nextval() logs 32 in advance at every 33rd draw, and a torn read of the sequence is too high by
# that until 32 more are drawn. So this draws 33, and pauses.
DRAW_IN_VAIN = """
    DO $$ BEGIN
        FOR i IN 1..1000 LOOP
            PERFORM count(nextval('eventstore.event_position')) FROM generate_series(1, 33);
            PERFORM pg_sleep(0.0001);
        END LOOP;
    END $$
"""


class RolledBack(Exception):
    pass


@dataclass(frozen=True)
class Habit:
    """The appends of a writer, and the fate of its transactions."""

    streams: int
    """The number of streams that it shares with the other writers of its kind."""
    events: tuple[int, ...]
    """An append has one of these numbers of events, at random."""
    holds: tuple[float, ...]
    """A transaction stays open for one of these durations, in seconds, at random."""
    rollbacks: float = 0.1
    cuts: float = 0.03


MIXED = Habit(streams=6, events=(1,) * 24 + (2_000,), holds=(0, 0, 0.001, 0.01, 0.05))
SLOW = Habit(streams=300, events=(1,), holds=(0.04,), cuts=0.001)
BATCHES = Habit(streams=2, events=(100,), holds=(0,), cuts=0.001)


@dataclass
class Trouble:
    """An inline projection that lingers in the transaction, gives up, or cuts its connection."""

    chance: random.Random
    habit: Habit
    synchronous_commit: bool

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del events
        if not self.synchronous_commit:
            await connection.execute("SET LOCAL synchronous_commit TO off")
        await asyncio.sleep(self.chance.choice(self.habit.holds))
        fate = self.chance.random()
        if fate < self.habit.rollbacks:
            raise RolledBack
        if fate < self.habit.rollbacks + self.habit.cuts:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@dataclass
class Writer:
    """Append until stopped, and keep the positions of all that was acknowledged."""

    pool: Pool
    chance: random.Random
    habit: Habit
    synchronous_commit: bool = True
    appended: list[int] = field(default_factory=list)
    in_doubt: list[StreamAppend] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        trouble = Trouble(self.chance, self.habit, self.synchronous_commit)
        store = PostgresEventStore(self.pool, [trouble])
        while not stop.is_set():
            append = self._next()
            try:
                self.appended += (await store.append([append])).positions
            except RolledBack:
                continue
            except CUT:
                self.in_doubt.append(append)

    async def settle(self) -> None:
        """Repeat each append that got no answer until it is known to be in the log."""
        store = PostgresEventStore(self.pool)
        while self.in_doubt:
            with suppress(*CUT, VersionConflict):
                self.appended += (await store.append([self.in_doubt[-1]])).positions
                self.in_doubt.pop()

    def _next(self) -> StreamAppend:
        stream = f"order-{self.habit.streams}.{self.chance.randrange(self.habit.streams)}"
        return StreamAppend(stream, some_events(self.chance.choice(self.habit.events)), ANY)


async def draw_in_vain(pool: Pool) -> None:
    """Draw positions and do not use them, as appends that roll back do."""
    while True:
        with suppress(*CUT):
            await pool.execute(DRAW_IN_VAIN)
