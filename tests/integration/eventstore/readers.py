"""Readers of the whole log, each of which records the events that it got."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from tests.integration.eventstore.writers import CUT

PAGE = 500


class Faults(NamedTuple):
    """Count the errors of the log towards a reader: all zero when the log keeps its promise."""

    skipped: int
    doubled: int
    out_of_order: int
    out_of_stream_order: int
    never_committed: int


@dataclass
class Account:
    """The positions that a reader was given, and the events that did not come in order."""

    positions: array[int] = field(default_factory=lambda: array("q"))
    versions: dict[str, int] = field(default_factory=dict)
    out_of_order: int = 0
    out_of_stream_order: int = 0

    @property
    def last(self) -> int:
        return self.positions[-1] if self.positions else 0

    def note(self, page: Sequence[StoredEvent]) -> None:
        for event in page:
            self.out_of_order += event.position <= self.last
            self.out_of_stream_order += event.version != self.versions.get(event.stream_id, 0) + 1
            self.positions.append(event.position)
            self.versions[event.stream_id] = event.version

    def faults(self, committed: set[int]) -> Faults:
        seen = set(self.positions)
        return Faults(
            skipped=len(committed - seen),
            doubled=len(self.positions) - len(seen),
            out_of_order=self.out_of_order,
            out_of_stream_order=self.out_of_stream_order,
            never_committed=len(seen - committed),
        )


@dataclass
class Poller:
    """Read by load_all_events(); after a cut connection, continue behind the last event."""

    pool: Pool
    name: str = "load_all_events"
    account: Account = field(default_factory=Account)

    async def run(self) -> None:
        store = PostgresEventStore(self.pool)
        while True:
            with suppress(*CUT):
                page = await store.load_all_events(self.account.last, PAGE)
                self.account.note(page)
                await asyncio.sleep(0 if page else 0.002)


@dataclass
class Follower:
    """Read by follow(), and begin again behind the last event after a cut."""

    pool: Pool
    name: str = "follow"
    account: Account = field(default_factory=Account)

    async def run(self) -> None:
        store = PostgresEventStore(self.pool)
        while True:
            with suppress(*CUT):
                async with aclosing(store.follow(self.account.last)) as pages:
                    async for page in pages:
                        self.account.note(page)
