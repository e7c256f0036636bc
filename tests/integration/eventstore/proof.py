"""Prove the promise of the log: each reader sees every committed event, once and in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from eventstore.head import HeadAnnouncer
from kit.eventually import eventually
from kit.pool import Pool, create_pool
from tests.integration.eventstore.readers import Faults, Follower, Poller
from tests.integration.eventstore.test_follow import CUT_THE_LEADER
from tests.integration.eventstore.writers import (
    BATCHES,
    CUT,
    MIXED,
    SLOW,
    Habit,
    Writer,
    draw_in_vain,
)

LEADERS = 2
SECONDS_TO_CATCH_UP = 60

Reader = Poller | Follower
Report = Callable[[int, int], None]
"""Takes the number of events that are acknowledged, and of those that every reader has."""


@dataclass(frozen=True)
class Load:
    """Writers and readers that run at once, for some seconds."""

    writers: Sequence[tuple[int, Habit]]
    seconds: float
    synchronous_commit: bool = True
    pollers: int = 2
    followers: int = 2
    seed: int = 1

    @property
    def connections(self) -> int:
        # A follower listens over one connection and reads over another.
        writers = sum(count for count, _ in self.writers)
        return writers + self.pollers + 2 * self.followers + LEADERS + 3


def mixed(seconds: float, seed: int) -> Load:
    return Load([(6, MIXED)], seconds, seed=seed)


def slow_beside_batches(seconds: float, *, synchronous_commit: bool) -> Load:
    """Keep sixty transactions open, beside two writers that draw a hundred positions each."""
    return Load([(60, SLOW), (2, BATCHES)], seconds, synchronous_commit)


@dataclass(frozen=True)
class Outcome:
    committed: int
    faults: Sequence[tuple[str, Faults]]
    """The name and the faults of each reader."""

    @property
    def is_flawless(self) -> bool:
        return self.committed > 0 and not any(any(faults) for _, faults in self.faults)


async def prove(database_url: str, load: Load, report: Report = lambda *_: None) -> Outcome:
    """Put the load on an empty log, with rollbacks, cut connections and cut leaders in it."""
    async with await create_pool(database_url, size=load.connections) as pool:
        writers = list(make_writers(pool, load))
        readers: list[Reader] = [
            *(Poller(pool) for _ in range(load.pollers)),
            *(Follower(pool) for _ in range(load.followers)),
        ]
        announcers = [HeadAnnouncer(pool) for _ in range(LEADERS)]
        jobs = [*(each.run() for each in readers), *(each.run() for each in announcers)]
        async with running(jobs), running([reporting(report, writers, readers)]):
            await write(pool, load, writers)
            await catch_up(writers, readers)
        committed = {position for writer in writers for position in writer.appended}
        faults = [(reader.name, reader.account.faults(committed)) for reader in readers]
        return Outcome(len(committed), faults)


def make_writers(pool: Pool, load: Load) -> Sequence[Writer]:
    return [
        Writer(pool, random.Random(f"{load.seed}/{habit}/{n}"), habit, load.synchronous_commit)  # noqa: S311 - chaos, not secrets
        for count, habit in load.writers
        for n in range(count)
    ]


async def write(pool: Pool, load: Load, writers: Sequence[Writer]) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as writing, running([cut_the_leader(pool), draw_in_vain(pool)]):
        for writer in writers:
            writing.create_task(writer.run(stop))
        await asyncio.sleep(load.seconds)
        stop.set()
    for writer in writers:
        await writer.settle()


async def catch_up(writers: Sequence[Writer], readers: Sequence[Reader]) -> None:
    """Wait until each reader has the last event; a reader that never gets it has skipped it."""
    last = max(max(writer.appended, default=0) for writer in writers)
    with suppress(TimeoutError):
        await eventually(
            lambda: all(reader.account.last >= last for reader in readers), SECONDS_TO_CATCH_UP
        )


async def cut_the_leader(pool: Pool) -> None:
    while True:
        await asyncio.sleep(0.3)
        with suppress(*CUT):
            await pool.fetchval(CUT_THE_LEADER)


async def reporting(report: Report, writers: Sequence[Writer], readers: Sequence[Reader]) -> None:
    while True:
        await asyncio.sleep(0.5)
        written = sum(len(writer.appended) for writer in writers)
        report(written, min(len(reader.account.positions) for reader in readers))


@asynccontextmanager
async def running(jobs: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run the jobs beside the block, and end them with it. Raises the error of a job."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
