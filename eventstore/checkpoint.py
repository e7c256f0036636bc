"""How far a follower of the log has come."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Self

from eventstore.errors import EventStoreError
from eventstore.pool import CONNECTION_LOST, Connection, Pool

BOOKS_COMPARED: Final = "reconciliation.books"
"""The checkpoint whose distance from the log's end is a metric."""

SET_RIGHT: Final = "python -m eventstore.checkpoints set-right"

_READ: Final = (
    "INSERT INTO eventstore.checkpoint AS c (name, position) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET position = c.position"
    " RETURNING position, eventstore.drawn_position()"
)
_ADVANCE: Final = "UPDATE eventstore.checkpoint SET position = $2 WHERE name = $1"
AHEAD: Final = """
    SELECT name, position, drawn
    FROM eventstore.checkpoint, (SELECT eventstore.drawn_position() AS drawn) AS log
    WHERE position > drawn
    ORDER BY name
"""
"""The checkpoints above all that the log has drawn. The safe head may be lower for a moment."""

logger = logging.getLogger(__name__)


class CheckpointAhead(NamedTuple):
    """A checkpoint that stands above the log: a failover or a restore has lost the log's tail."""

    name: str
    position: int
    drawn: int

    def __str__(self) -> str:
        return (
            f"checkpoint {self.name} is at position {self.position}, above the log, which has drawn"
            f" {self.drawn}: set it right with `{SET_RIGHT} --name {self.name}`"
        )


class CheckpointLost(EventStoreError):
    """A follower cannot go on from its checkpoint: it would pass over all that comes."""

    def __init__(self, ahead: CheckpointAhead) -> None:
        super().__init__(str(ahead))
        self.ahead = ahead


class Checkpoint:
    """Of a follower that leads, over the connection by which it leads: see leadership.py."""

    def __init__(self, connection: Connection, name: str, position: int) -> None:
        self._connection = connection
        self._name = name
        self.position = position

    @classmethod
    async def read(cls, connection: Connection, name: str, beginning: int = 0) -> Self:
        """Return it where it was left, or at the beginning if it has never been.

        Raises CheckpointLost where it stands above the log.
        """
        row = await connection.fetchrow(_READ, name, beginning)
        assert row is not None  # noqa: S101 - the statement returns one row
        position, drawn = row
        if position > drawn:
            raise CheckpointLost(CheckpointAhead(name, position, drawn))
        return cls(connection, name, position)

    async def advance(self, position: int) -> None:
        """Everything up to `position` is done. Raises an asyncpg error when the lead is lost."""
        await self._connection.execute(_ADVANCE, self._name, position)
        self.position = position


async def checkpoints_ahead(connection: Connection) -> Sequence[CheckpointAhead]:
    return [CheckpointAhead(*row) for row in await connection.fetch(AHEAD)]


async def warn_of_checkpoints_ahead(pool: Pool) -> None:
    """Log a line for each. A database that does not answer is left to those who need it."""
    with suppress(*CONNECTION_LOST):
        async with pool.acquire() as connection:
            for ahead in await checkpoints_ahead(connection):
                logger.warning("%s", ahead)
