"""Compare reading the whole log in pages with a bare cursor over the same rows and columns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Final

from benchmarks.eventstore.fill import fill
from benchmarks.eventstore.ours import connected_store
from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.server import Server
from eventstore.postgres import PostgresEventStore
from stack.postgres import connected

EVENTS: Final = 1_000_000
PAGE: Final = 1000

_SAME_ROWS: Final = """
SELECT position, stream_id, version, event_id, type, schema_version,
       data::text, metadata::text, recorded_at
FROM eventstore.event ORDER BY position
"""


async def _pages(store: PostgresEventStore) -> float:
    began, position, count = perf_counter(), 0, 0
    while page := await store.load_all_events(position, PAGE):
        position, count = page[-1].position, count + len(page)
    return count / (perf_counter() - began)


async def _cursor(url: str) -> float:
    async with connected(url) as connection, connection.transaction(readonly=True):
        began, count = perf_counter(), 0
        cursor = await connection.cursor(_SAME_ROWS)
        while rows := await cursor.fetch(PAGE):
            count += len(rows)
        return count / (perf_counter() - began)


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    async with server.database() as url, connected_store(url, 1) as store:
        await fill(url, int(EVENTS * effort.scale))
        yield Sides("bare cursor (asyncpg)", partial(_pages, store), partial(_cursor, url))


BENCHMARKS: Final = (Benchmark("eventstore.read_all.vs_cursor", "events/s", 0.5, _sides),)
