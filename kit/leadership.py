"""Run a job in one process at a time: the one that holds the lock of its name.

The lock is on a connection of its own, which sends a heartbeat. PostgreSQL ends the session of a
process that is stopped, and another process leads. A process that continues afterwards may have a
statement left to send, so what it writes needs a fence: see eventstore/checkpoint.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kit.connection import CANCEL_TIMEOUT_SECONDS, Connection
from kit.pool import Pool
from kit.restart import ServerAway, is_database_away

LOCKS: Final = 7004
"""The first key of the advisory locks of leaders; the second is a hash of the name."""

LOCK_TIMEOUT_SECONDS: Final = 5
"""PostgreSQL takes the lock from a process that has been silent for this long."""
LEASE_TIMEOUT_SECONDS: Final = 4.0
"""A process without an answer for this long gives the lead up, before PostgreSQL takes it."""
HEARTBEAT_SECONDS: Final = 1.0
"""The pause between two heartbeats; each waits for its answer for PING_TIMEOUT_SECONDS."""

_SECONDS_BETWEEN_TRIES: Final = 0.5

# One statement, so that no process is stopped between the lock and its time limit.
_TRY_LEAD: Final = f"""
    SELECT CASE WHEN pg_try_advisory_lock({LOCKS}, hashtext($1))
           THEN set_config('idle_session_timeout', '{LOCK_TIMEOUT_SECONDS}s', false) <> ''
           ELSE false END
"""
_RESIGN: Final = f"""
    SELECT set_config('idle_session_timeout', NULL, false),
           pg_advisory_unlock({LOCKS}, hashtext($1))
"""
# The transaction of a stopped process holds rows that its successor needs.
_LIMIT: Final = f"SET idle_in_transaction_session_timeout = '{LOCK_TIMEOUT_SECONDS}s'"
_UNLIMIT: Final = "RESET idle_in_transaction_session_timeout"


class LeadLost(ServerAway):
    """The process leads no longer: the connection with the lock ended, or gave no answer."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the lead of {name!r} is lost: PostgreSQL ended the connection that holds its lock,"
            " or did not answer over it"
        )
        self.name = name


class LedElsewhere(Exception):
    """Another process leads under this name."""


@asynccontextmanager
async def leading(pool: Pool, name: str, *, wait: bool = True) -> AsyncIterator[Connection]:
    """Wait until no other process leads under this name, and lead until the block ends.

    Yield a connection for the leader's work. While a process waits, it holds no connection; while
    it leads, it holds two. When the lead is lost, the block is cancelled and LeadLost raised. The
    block must begin and end in one task. Without `wait`, raise LedElsewhere instead of waiting.
    """
    async with _locked(pool, name, wait=wait) as lock:
        lease = asyncio.timeout(LEASE_TIMEOUT_SECONDS)
        try:
            async with lease, _heartbeats(lock, lease), _working(pool) as connection:
                yield connection
        except TimeoutError as error:
            if lease.expired():
                raise LeadLost(name) from error
            raise


@asynccontextmanager
async def _locked(pool: Pool, name: str, *, wait: bool) -> AsyncIterator[Connection]:
    """Wait for the lock of this name, and yield the connection that holds it."""
    while True:
        async with pool.acquire() as connection:
            if await _has_locked(connection, name):
                try:
                    yield connection
                finally:
                    await _restore(connection, _RESIGN, name)
                return
        if not wait:
            raise LedElsewhere(name)
        # Waiting inside PostgreSQL would hold a snapshot open for as long as another leads.
        await asyncio.sleep(_SECONDS_BETWEEN_TRIES)


async def _has_locked(connection: Connection, name: str) -> bool:
    try:
        return bool(await connection.fetchval(_TRY_LEAD, name))
    except BaseException:
        connection.terminate()  # it may hold the lock
        raise


@asynccontextmanager
async def _heartbeats(lock: Connection, lease: asyncio.Timeout) -> AsyncIterator[None]:
    """Renew the lease with each answer of PostgreSQL, and end it when the connection is lost."""
    heartbeats = asyncio.create_task(_renew(lock, lease))
    try:
        yield
    finally:
        heartbeats.cancel()
        await asyncio.gather(heartbeats, return_exceptions=True)


async def _renew(lock: Connection, lease: asyncio.Timeout) -> None:
    loop = asyncio.get_running_loop()
    while not lease.expired():
        await asyncio.sleep(HEARTBEAT_SECONDS)
        sent = loop.time()
        expires = sent + LEASE_TIMEOUT_SECONDS if await lock.is_alive() else sent
        if not lease.expired():
            lease.reschedule(expires)


@asynccontextmanager
async def _working(pool: Pool) -> AsyncIterator[Connection]:
    """Lend a connection that leaves no transaction open for longer than the lock is held."""
    async with pool.acquire() as connection:
        await connection.execute(_LIMIT)
        try:
            yield connection
        finally:
            if connection.is_clean:  # the pool closes any other
                await _restore(connection, _UNLIMIT)


async def _restore(connection: Connection, statement: str, *arguments: object) -> None:
    """Run the statement, or close the connection: its locks and its settings end with it."""
    try:
        await connection.execute(statement, *arguments, timeout=CANCEL_TIMEOUT_SECONDS)
    except BaseException as error:
        connection.terminate()
        if not is_database_away(error):
            raise
