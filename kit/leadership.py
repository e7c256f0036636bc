"""Run a job in one process at a time: the one that holds the lock of its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kit.connection import CANCEL_TIMEOUT_SECONDS, CONNECTION_LOST, Connection
from kit.pool import Pool

LOCKS: Final = 7004
"""The first key of the advisory locks of leaders; the second is a hash of the name."""

_TRY_LEAD: Final = f"SELECT pg_try_advisory_lock({LOCKS}, hashtext($1))"
_RESIGN: Final = f"SELECT pg_advisory_unlock({LOCKS}, hashtext($1))"
_SECONDS_BETWEEN_TRIES: Final = 1.0


@asynccontextmanager
async def leading(pool: Pool, name: str) -> AsyncIterator[Connection]:
    """Wait until no other process leads under this name, and lead until the block ends.

    The lock belongs to the connection. Do the leader's work over it: a process that has lost the
    lead then fails at its next statement.
    """
    async with pool.acquire() as connection:
        while not await connection.fetchval(_TRY_LEAD, name):  # noqa: ASYNC110 - nothing wakes it
            # Waiting inside PostgreSQL would hold a snapshot open for as long as another leads.
            await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            yield connection
        finally:
            await _resign(connection, name)


async def _resign(connection: Connection, name: str) -> None:
    """Unlock, or close the connection: its locks end with it."""
    try:
        await connection.execute(_RESIGN, name, timeout=CANCEL_TIMEOUT_SECONDS)
    except CONNECTION_LOST:
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise
