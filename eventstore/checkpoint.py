"""How far a follower has come, kept where only one of its kind can move it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_TRY_LEAD: Final = text("SELECT pg_try_advisory_lock(7004, hashtext(:name))")
_RESIGN: Final = text("SELECT pg_advisory_unlock(7004, hashtext(:name))")
_READ: Final = text(
    "INSERT INTO eventstore.checkpoint AS c (name, position) VALUES (:name, 0)"
    " ON CONFLICT (name) DO UPDATE SET position = c.position RETURNING position"
)
_ADVANCE: Final = text("UPDATE eventstore.checkpoint SET position = :position WHERE name = :name")
_SECONDS_BETWEEN_TRIES: Final = 1.0


class Checkpoint:
    """The checkpoint of a follower that leads. It is lost with its connection, and says so."""

    def __init__(self, connection: AsyncConnection, name: str, position: int) -> None:
        self._connection = connection
        self._name = name
        self.position = position

    async def advance(self, position: int) -> None:
        """Everything up to `position` is done. Raises a DBAPIError when leadership is lost."""
        await self._connection.execute(_ADVANCE, {"name": self._name, "position": position})
        self.position = position


@asynccontextmanager
async def leading(engine: AsyncEngine, name: str) -> AsyncIterator[Checkpoint]:
    """Wait until no other process leads under this name, and lead until the block ends.

    The lock and the checkpoint share one connection: whoever lost the one cannot move the other.
    """
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        while not (await connection.execute(_TRY_LEAD, {"name": name})).scalar_one():  # noqa: ASYNC110 - nothing to be woken by
            # Waiting inside PostgreSQL would hold a snapshot open for as long as another leads.
            await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            position = (await connection.execute(_READ, {"name": name})).scalar_one()
            yield Checkpoint(connection, name, position)
        finally:
            if not connection.invalidated:
                await connection.execute(_RESIGN, {"name": name})
