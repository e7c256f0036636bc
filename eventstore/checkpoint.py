"""Keep the position up to which a follower has read the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Self

from eventstore.errors import EventStoreError
from kit.pool import CONNECTION_LOST, Connection, Pool

COMPARED: Final = "reconciliation.compared"
"""The checkpoint whose distance from the log's end is a metric."""

SET_RIGHT: Final = "python -m eventstore.checkpoints set-right"

_READ: Final = """
    INSERT INTO eventstore.checkpoint AS c (name, position, event_id)
    VALUES ($1, $2, eventstore.newest_event($2))
    ON CONFLICT (name) DO UPDATE SET position = c.position
    RETURNING position, eventstore.drawn_position(), eventstore.is_lost(position, event_id)
"""
_ADVANCE: Final = """
    UPDATE eventstore.checkpoint SET position = $2, event_id = eventstore.newest_event($2)
    WHERE name = $1
"""
LOST: Final = """
    SELECT name, position, eventstore.drawn_position()
    FROM eventstore.checkpoint
    WHERE eventstore.is_lost(position, event_id)
    ORDER BY name
"""

logger = logging.getLogger(__name__)


class LostCheckpoint(NamedTuple):
    """A checkpoint at a position that the log has lost, by a failover or a restore."""

    name: str
    position: int
    drawn: int

    def __str__(self) -> str:
        return (
            f"checkpoint {self.name} is at position {self.position}, which the log has lost (it has"
            f" drawn {self.drawn}): set it right with `{SET_RIGHT} --name {self.name}`"
        )


class CheckpointLost(EventStoreError):
    """A follower cannot resume from its checkpoint: it would skip all later events."""

    def __init__(self, checkpoint: LostCheckpoint) -> None:
        super().__init__(str(checkpoint))
        self.checkpoint = checkpoint


class Checkpoint:
    """The checkpoint of a leading follower, over the connection by which it leads: see
    leadership.py."""

    def __init__(self, connection: Connection, name: str, position: int) -> None:
        self._connection = connection
        self._name = name
        self.position = position

    @classmethod
    async def read(cls, connection: Connection, name: str, beginning: int = 0) -> Self:
        """Return the checkpoint at its stored position, or at `beginning` if it is new.

        Raises CheckpointLost where the log has lost that position.
        """
        row = await connection.fetchrow(_READ, name, beginning)
        assert row is not None  # noqa: S101 - the statement returns one row
        position, drawn, is_lost = row
        if is_lost:
            raise CheckpointLost(LostCheckpoint(name, position, drawn))
        return cls(connection, name, position)

    async def advance(self, position: int) -> None:
        """Record that everything up to `position` is done. Raises an asyncpg error when the lead is
        lost."""
        await self._connection.execute(_ADVANCE, self._name, position)
        self.position = position


async def lost_checkpoints(connection: Connection) -> Sequence[LostCheckpoint]:
    return [LostCheckpoint(*row) for row in await connection.fetch(LOST)]


async def warn_of_lost_checkpoints(pool: Pool) -> None:
    """Log a line for each lost checkpoint; skip the check when the connection is lost."""
    with suppress(*CONNECTION_LOST):
        async with pool.acquire() as connection:
            for checkpoint in await lost_checkpoints(connection):
                logger.warning("%s", checkpoint)
