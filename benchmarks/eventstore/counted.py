"""Count the costs of one append that are equal on every machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from statistics import median
from typing import Final

from benchmarks.eventstore.ours import connected_store, writer
from benchmarks.measure import Count
from benchmarks.server import Server
from stack.postgres import connected

APPENDS: Final = 1_000
STATEMENTS_LIMIT: Final = 1
WAL_BYTES_LIMIT: Final = 840

_STATEMENTS: Final = """
SELECT sum(calls)::int FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_LSN: Final = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


async def statements(url: str) -> float:
    """Count the statements of an append, including BEGIN, COMMIT and connection resets."""
    async with connected(url) as observer, connected_store(url, 1) as store:
        append = writer(store)
        await append()
        await observer.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        before = await observer.fetchval(_STATEMENTS)
        for _ in range(APPENDS):
            await append()
        # The query for the count is a statement too.
        return float(await observer.fetchval(_STATEMENTS) - before - 1) / APPENDS


async def wal_bytes(url: str) -> float:
    """Return the median, which excludes page splits and full-page images after a checkpoint."""
    async with connected(url) as observer, connected_store(url, 1) as store:
        append = writer(store)
        await append()
        return median([await _grown(observer.fetchval, append) for _ in range(APPENDS)])


async def _grown(
    fetchval: Callable[[str], Awaitable[int]], append: Callable[[], Awaitable[object]]
) -> float:
    before = await fetchval(_LSN)
    await append()
    return float(await fetchval(_LSN) - before)


def _on_a_fresh_database(
    count: Callable[[str], Awaitable[float]],
) -> Callable[[Server], Awaitable[float]]:
    async def value(server: Server) -> float:
        async with server.database() as url:
            return await count(url)

    return value


COUNTS: Final = (
    Count("append.statements", STATEMENTS_LIMIT, _on_a_fresh_database(statements), "eventstore"),
    Count("append.wal_bytes", WAL_BYTES_LIMIT, _on_a_fresh_database(wal_bytes), "eventstore"),
)
