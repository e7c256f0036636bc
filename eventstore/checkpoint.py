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
    UPDATE eventstore.checkpoint SET position = $3, event_id = eventstore.newest_event($3)
    WHERE name = $1 AND position = $2
    RETURNING name
"""
LOST: Final = """
    SELECT name, position, eventstore.drawn_position()
    FROM eventstore.checkpoint
    WHERE eventstore.is_lost(position, event_id)
    ORDER BY name
"""
_POSITION: Final = "SELECT position FROM eventstore.checkpoint WHERE name = $1"

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


class CheckpointMoved(EventStoreError):
    """Another process has moved the checkpoint since this one read it: read it again.

    Roll back what was to be written with the new position: the other process has written it.
    """

    def __init__(self, name: str, position: int) -> None:
        super().__init__(
            f"checkpoint {name} is no longer at position {position}: another process has moved it;"
            " read the checkpoint again"
        )
        self.name = name
        self.position = position


class Checkpoint:
    """The checkpoint of a follower, as it was read, over one connection.

    It is the fence of a leader (see kit/leadership.py): a process that was stopped, lost the lead
    and continues cannot advance it, and writes nothing in the same transaction.
    """

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

    async def require_unmoved(self) -> None:
        """Raise CheckpointMoved when another process has moved it, for example to begin again."""
        if await self._connection.fetchval(_POSITION, self._name) != self.position:
            raise CheckpointMoved(self._name, self.position)

    async def advance(self, position: int) -> None:
        """Record that everything up to `position` is done, in the transaction of the caller if any.

        After a rollback, read the checkpoint again. Raises CheckpointMoved.
        """
        if not await self._connection.fetchval(_ADVANCE, self._name, self.position, position):
            raise CheckpointMoved(self._name, self.position)
        self.position = position


async def lost_checkpoints(connection: Connection) -> Sequence[LostCheckpoint]:
    return [LostCheckpoint(*row) for row in await connection.fetch(LOST)]


async def warn_of_lost_checkpoints(pool: Pool) -> None:
    """Log a line for each lost checkpoint; skip the check when the connection is lost."""
    with suppress(*CONNECTION_LOST):
        async with pool.acquire() as connection:
            for checkpoint in await lost_checkpoints(connection):
                logger.warning("%s", checkpoint)
