"""Read how much the database and the bus have had to do for an order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import asyncpg

from eventbus.nats.messages import message_bytes
from eventstore.postgres import PostgresEventStore
from stack.postgres import connected
from stack.tools import postgres_program

MAX_EVENTS: Final = 1_000
"""More than one order has."""

_QUIET: Final = ("full_page_writes", "autovacuum")
_STATEMENTS: Final = """
SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND NOT starts_with(query, '/* observer */')
"""
_LSN: Final = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
_FLUSHED: Final = "/* observer */ SELECT pg_logical_emit_message(false, 'books', '', true)::text"
_DATA: Final = "/* observer */ SHOW data_directory"
_SPLIT: Final = re.compile(
    r"^rmgr: Btree .*len \(rec/tot\): +\d+/ *(\d+),.* desc: SPLIT_", re.MULTILINE
)
_LAST: Final = "SELECT coalesce(max(position), 0) FROM eventstore.event"
_STATE: Final = f"/* observer */ SELECT ({_STATEMENTS}), ({_LSN})::bigint, ({_LAST})"
_LOG: Final = """
/* observer */ SELECT count(*), sum(pg_column_size(event.*)) FROM eventstore.event AS event
WHERE position > $1
"""


@dataclass(frozen=True, slots=True)
class Usage:
    statements: int
    wal_bytes: int
    log_rows: int
    log_bytes: int
    bus_messages: int
    bus_bytes: int


class Books:
    """Reads the counters of a database in which only one order runs at a time."""

    def __init__(self, observer: asyncpg.Connection, store: PostgresEventStore) -> None:
        self._observer = observer
        self._store = store
        self._before = (0, 0, 0)
        self._begun = ""

    @classmethod
    @asynccontextmanager
    async def opened(cls, owner_url: str, store: PostgresEventStore) -> AsyncIterator[Self]:
        """Open the books. Until the end of the block, WAL is written for statements alone."""
        async with connected(owner_url) as observer:
            await observer.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            for name in _QUIET:
                await observer.execute(f"ALTER SYSTEM SET {name} = off")
            await observer.execute("SELECT pg_reload_conf()")
            try:
                yield cls(observer, store)
            finally:
                for name in _QUIET:
                    await observer.execute(f"ALTER SYSTEM RESET {name}")
                await observer.execute("SELECT pg_reload_conf()")

    async def begin(self) -> None:
        self._begun = await self._observer.fetchval(_FLUSHED)
        self._before = await self._state()

    async def usage(self) -> Usage:
        """Return what has been used since `begin`."""
        statements, wal, last = self._before
        statements_now, wal_now, _ = await self._state()
        [(rows, size)] = await self._observer.fetch(_LOG, last)
        events = await self._store.load_all_events(last, MAX_EVENTS)
        return Usage(
            statements=statements_now - statements,
            wal_bytes=wal_now - wal - await self._of_splits(),
            log_rows=rows,
            log_bytes=int(size),
            bus_messages=len(events),
            bus_bytes=sum(map(message_bytes, events)),
        )

    async def _of_splits(self) -> int:
        """Return the WAL of the pages of indexes that have split since `begin`.

        A page splits once in about a hundred rows, and then writes as much as a fifth of an order.
        """
        data, end = await self._observer.fetchval(_DATA), await self._observer.fetchval(_FLUSHED)
        process = await asyncio.create_subprocess_exec(
            postgres_program("pg_waldump"),
            *("--path", f"{data}/pg_wal", "--start", self._begun, "--end", end),
            stdout=asyncio.subprocess.PIPE,
        )
        records, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError("pg_waldump could not read the WAL of the order")
        return sum(map(int, _SPLIT.findall(records.decode())))

    async def _state(self) -> tuple[int, int, int]:
        [(statements, wal, last)] = await self._observer.fetch(_STATE)
        return statements, wal, last
