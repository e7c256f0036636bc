"""How far a follower has come, kept where only one of its kind can move it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from eventstore.pool import Connection, Pool

_TRY_LEAD: Final = "SELECT pg_try_advisory_lock(7004, hashtext($1))"
_RESIGN: Final = "SELECT pg_advisory_unlock(7004, hashtext($1))"
_READ: Final = (
    "INSERT INTO eventstore.checkpoint AS c (name, position) VALUES ($1, 0)"
    " ON CONFLICT (name) DO UPDATE SET position = c.position RETURNING position"
)
_ADVANCE: Final = "UPDATE eventstore.checkpoint SET position = $2 WHERE name = $1"
_SECONDS_BETWEEN_TRIES: Final = 1.0


class Checkpoint:
    """The checkpoint of a follower that leads. It is lost with its connection, and says so."""

    def __init__(self, connection: Connection, name: str, position: int) -> None:
        self._connection = connection
        self._name = name
        self.position = position

    async def advance(self, position: int) -> None:
        """Everything up to `position` is done. Raises an asyncpg error when leadership is lost."""
        await self._connection.execute(_ADVANCE, self._name, position)
        self.position = position


@asynccontextmanager
async def leading(pool: Pool, name: str) -> AsyncIterator[Checkpoint]:
    """Wait until no other process leads under this name, and lead until the block ends.

    The lock and the checkpoint share one connection: whoever lost the one cannot move the other.
    """
    async with pool.acquire() as connection:
        while not await connection.fetchval(_TRY_LEAD, name):  # noqa: ASYNC110 - nothing to be woken by
            # Waiting inside PostgreSQL would hold a snapshot open for as long as another leads.
            await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            position = await connection.fetchval(_READ, name)
            yield Checkpoint(connection, name, position)
        finally:
            if not connection.is_closed():
                await connection.execute(_RESIGN, name)
