"""Writers that do whatever a writer may do to a log, but lie about what it acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from eventstore.envelope import NewEvent, StoredEvent, StreamAppend
from eventstore.errors import VersionConflict
from eventstore.pool import CONNECTION_LOST, Connection, Pool
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from tests.integration.eventstore.conftest import some_events

CUT = CONNECTION_LOST


class RolledBack(Exception):
    pass


@dataclass
class Trouble:
    """An inline projection that lingers in the transaction, gives up, or cuts its connection."""

    chance: random.Random

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del events
        await asyncio.sleep(self.chance.choice([0, 0, 0.001, 0.01, 0.05]))
        fate = self.chance.random()
        if fate < 0.1:
            raise RolledBack
        if fate < 0.13:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@dataclass
class Writer:
    """Appends one event or two thousand, to streams that it shares with the other writers."""

    pool: Pool
    chance: random.Random
    appended: set[UUID] = field(default_factory=set)
    in_doubt: list[StreamAppend] = field(default_factory=list)

    async def run(self, appends: int) -> None:
        store = PostgresEventStore(self.pool, [Trouble(self.chance)])
        for _ in range(appends):
            append = self._next()
            try:
                await store.append([append])
            except RolledBack:
                continue
            except CUT:
                self.in_doubt.append(append)
            else:
                self.appended |= ids_of(append.events)

    async def settle(self) -> None:
        """Repeat what got no answer, as a caller does, until it is known to be in the log."""
        store = PostgresEventStore(self.pool)
        for append in self.in_doubt:
            while not ids_of(append.events) <= self.appended:
                with suppress(*CUT, VersionConflict):
                    await store.append([append])
                    self.appended |= ids_of(append.events)

    def _next(self) -> StreamAppend:
        count = 2_000 if self.chance.random() < 0.04 else 1
        return StreamAppend(f"order-{self.chance.randrange(6)}", some_events(count), ANY)


def ids_of(events: Sequence[NewEvent]) -> set[UUID]:
    return {event.event_id for event in events}


@dataclass
class Reader:
    """Follows the log from the beginning; a cut connection makes it go on from its last event."""

    pool: Pool
    seen: list[StoredEvent] = field(default_factory=list)

    async def run(self, until: asyncio.Event) -> None:
        store = PostgresEventStore(self.pool)
        while True:
            with suppress(*CUT):
                await self._follow(store, until)
                return

    async def _follow(self, store: PostgresEventStore, until: asyncio.Event) -> None:
        while True:
            done = until.is_set()
            after = self.seen[-1].position if self.seen else 0
            page = await store.load_all_events(after, limit=500)
            self.seen += page
            if done and not page:
                return
            await asyncio.sleep(0 if page else 0.002)
