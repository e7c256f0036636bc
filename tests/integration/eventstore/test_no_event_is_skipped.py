"""The defining test of the log: whoever reads it sees every committed event, once, in order."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import aclosing
from uuid import UUID

import pytest

from eventstore.envelope import StoredEvent
from eventstore.head import HeadAnnouncer
from eventstore.pool import Pool, create_pool
from eventstore.postgres import PostgresEventStore
from tests.integration.eventstore.test_follow import CUT_THE_LEADER
from tests.integration.eventstore.writers import CUT, Reader, Writer

WRITERS, READERS, APPENDS = 6, 3, 60


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_committed_event_is_seen_once_and_in_order_by_each_reader(
    database_url: str, seed: int
) -> None:
    async with await create_pool(database_url, size=WRITERS + 2 * READERS + 4) as pool:
        writers = [Writer(pool, random.Random(f"{seed}/{n}")) for n in range(WRITERS)]  # noqa: S311 - chaos, not secrets
        pollers = [Reader(pool) for _ in range(READERS)]
        follower = Follower(PostgresEventStore(pool))
        leaders = [asyncio.create_task(HeadAnnouncer(pool).run()) for _ in range(2)]
        written = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(poller.run(written)) for poller in pollers]
            following = group.create_task(follower.run())
            async with asyncio.TaskGroup() as writing:
                for writer in writers:
                    writing.create_task(writer.run(APPENDS))
                writing.create_task(cut_the_leader(pool, times=3))
            for writer in writers:
                await writer.settle()
            written.set()
            await asyncio.gather(*reading)
            await follower.has_seen(pollers[0].seen[-1].position)
            following.cancel()
        for leader in leaders:
            leader.cancel()
        await asyncio.wait(leaders)

        committed = set().union(*(writer.appended for writer in writers))
        for seen in (follower.seen, *(poller.seen for poller in pollers)):
            check(seen, committed)


def check(seen: list[StoredEvent], committed: set[UUID]) -> None:
    positions = [event.position for event in seen]
    assert positions == sorted(set(positions))
    assert {event.event_id for event in seen} == committed
    versions: dict[str, list[int]] = defaultdict(list)
    for event in seen:
        versions[event.stream_id].append(event.version)
    for stream in versions.values():
        assert stream == list(range(1, len(stream) + 1))


async def cut_the_leader(pool: Pool, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0.3)
        await pool.fetchval(CUT_THE_LEADER)


class Follower:
    """Follows live, by follow(), and begins again after its last event when it is cut off."""

    def __init__(self, store: PostgresEventStore) -> None:
        self._store = store
        self.seen: list[StoredEvent] = []

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except CUT:
                continue

    async def _follow(self) -> None:
        after = self.seen[-1].position if self.seen else 0
        async with aclosing(self._store.follow(after)) as pages:
            async for page in pages:
                self.seen += page

    async def has_seen(self, position: int) -> None:
        async with asyncio.timeout(20):
            while not self.seen or self.seen[-1].position < position:  # noqa: ASYNC110 - a fact to wait for
                await asyncio.sleep(0.01)
