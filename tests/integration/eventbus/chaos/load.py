"""Append events under faults, and compare the effects of the consumers with the log."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import uuid4

from domain.order.events import OrderReserved
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Pool, create_pool
from tests.integration.eventbus.chaos.subjects import Fault, Subject
from tests.integration.eventbus.chaos.victims import victims
from tests.support.consuming import versions

STREAMS: Final = 50
EVENTS_AT_ONCE: Final = 10
MAX_CALM_SECONDS: Final = 3.0
CATCH_UP_SECONDS: Final = 90.0


@dataclass(frozen=True)
class Outcome:
    expected: dict[str, list[int]]
    found: dict[str, dict[str, list[int]]]
    """The versions of each stream in the order of their effects, for each group."""
    letters: int
    missing_to: int | None
    faults: dict[str, int]

    @property
    def events(self) -> int:
        return sum(map(len, self.expected.values()))

    @property
    def is_flawless(self) -> bool:
        return (
            all(found == self.expected for found in self.found.values())
            and self.letters == 0
            and self.missing_to is None
        )


async def chaos(url: str, subject: Subject, folder: Path, seconds: float) -> Outcome:
    """Run the load and the faults; wait until all is handled, or a time that must be enough.

    The effects' table must exist.
    """
    groups = sorted(set(subject.groups))
    async with await create_pool(url) as pool, victims(url, subject, folder) as faults:
        deadline = monotonic() + seconds
        expected, counts = await asyncio.gather(
            _load(pool, deadline, subject.append_every_seconds), _break(faults, deadline)
        )

        async def found() -> dict[str, dict[str, list[int]]]:
            return {group: await versions(pool, group) for group in groups}

        async def is_complete() -> bool:
            events = sum(map(len, expected.values()))
            return all(
                sum(map(len, streams.values())) >= events for streams in (await found()).values()
            )

        try:
            await eventually(is_complete, CATCH_UP_SECONDS, every=0.25)
        except TimeoutError:
            logging.getLogger(__name__).warning("not everything was handled in time")
        return Outcome(
            expected,
            await found(),
            await pool.fetchval("SELECT count(*) FROM eventstore.dead_letter"),
            await pool.fetchval("SELECT missing_to FROM eventstore.bus"),
            counts,
        )


async def _load(pool: Pool, deadline: float, every: float) -> dict[str, list[int]]:
    """Append to random streams until the deadline; return the versions that each then has."""
    store, last = PostgresEventStore(pool), dict.fromkeys(range(STREAMS), 0)
    while monotonic() < deadline:
        chosen = random.sample(range(STREAMS), EVENTS_AT_ONCE)
        appends = [StreamAppend(f"order-{n}", [_event(n)], ANY) for n in chosen]
        await store.append(appends)
        for n in chosen:
            last[n] += 1
        await asyncio.sleep(every)
    return {f"order-{n}": list(range(1, count + 1)) for n, count in last.items() if count}


def _event(number: int) -> NewEvent:
    metadata = EventMetadata(correlation_id=str(number), actor="system")
    return NewEvent(uuid4(), OrderReserved(order_id=str(number)), metadata)


async def _break(faults: dict[str, Fault], deadline: float) -> dict[str, int]:
    """Let the faults happen in random order, all of them once before one happens again."""
    counts, waiting = dict.fromkeys(faults, 0), list[str]()
    while monotonic() < deadline:
        await asyncio.sleep(random.uniform(0.3, MAX_CALM_SECONDS))  # noqa: S311
        waiting = waiting or random.sample(list(faults), len(faults))
        name = waiting.pop()
        await faults[name]()
        counts[name] += 1
    return counts
