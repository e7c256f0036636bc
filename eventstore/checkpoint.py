"""How far a follower of the log has come."""

from __future__ import annotations

from typing import Final, Self

from eventstore.pool import Connection

BOOKS_COMPARED: Final = "reconciliation.books"
"""The checkpoint whose distance from the log's end is a metric."""

_READ: Final = (
    "INSERT INTO eventstore.checkpoint AS c (name, position) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET position = c.position RETURNING position"
)
_ADVANCE: Final = "UPDATE eventstore.checkpoint SET position = $2 WHERE name = $1"


class Checkpoint:
    """Of a follower that leads, over the connection by which it leads: see leadership.py."""

    def __init__(self, connection: Connection, name: str, position: int) -> None:
        self._connection = connection
        self._name = name
        self.position = position

    @classmethod
    async def read(cls, connection: Connection, name: str, beginning: int = 0) -> Self:
        """Where it was left; what has never been left anywhere is at the beginning."""
        return cls(connection, name, await connection.fetchval(_READ, name, beginning))

    async def advance(self, position: int) -> None:
        """Everything up to `position` is done. Raises an asyncpg error when the lead is lost."""
        await self._connection.execute(_ADVANCE, self._name, position)
        self.position = position
