"""The state of the log itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.checkpoint import LOST, LostCheckpoint

_HELD: Final = text("SELECT floor, holder, seconds FROM eventstore.held_floors")
_HOLDS: Final = text("SELECT EXISTS (SELECT FROM eventstore.event WHERE position = :position)")
_LOST: Final = text(LOST)
_HEAD: Final = text("SELECT eventstore.safe_head()")
_COVERS: Final = text("""
    SELECT :position <= CASE WHEN pg_is_in_recovery() THEN eventstore.safe_head()
                             ELSE eventstore.drawn_position() END
""")


class _Floor(NamedTuple):
    """A floor that holds the safe head back, and the transaction that holds it."""

    floor: int
    holder: str


class LogQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._first_seen: dict[_Floor, float] = {}
        """The monotonic time at which each floor that is held was first seen."""

    async def safe_head_age(self) -> float:
        """Return for how many seconds the append that holds the safe head back has been under way.

        0 means that no floor is held. Where PostgreSQL does not show the age of a floor, or shows a
        transaction that is younger than the lock, it is the time since this object first saw it.
        """
        asked_at = time.monotonic()
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_HELD)).all()
        held = {_Floor(*row[:2]): row.seconds or 0.0 for row in rows}
        self._remember(held, asked_at)
        now = time.monotonic()
        ages = (max(seconds, now - self._first_seen[floor]) for floor, seconds in held.items())
        return max(ages, default=0.0)

    def _remember(self, held: Iterable[_Floor], asked_at: float) -> None:
        self._first_seen = {floor: self._first_seen.get(floor, asked_at) for floor in held}

    async def holds(self, position: int) -> bool:
        """Return whether there is an event at this position, which a saga has returned."""
        async with self._engine.connect() as connection:
            found = await connection.execute(_HOLDS, {"position": position})
            return bool(found.scalar_one())

    async def safe_head(self) -> int:
        """Return the safe head. On a standby, it is the one that the leader last announced."""
        async with self._engine.connect() as connection:
            head: int = (await connection.execute(_HEAD)).scalar_one()
        return head

    async def covers(self, position: int) -> bool:
        """Return whether a read of this database sees a write that was answered with this position.

        The primary shows every write before it is answered, so there each drawn position counts.
        """
        async with self._engine.connect() as connection:
            found = await connection.execute(_COVERS, {"position": position})
            return bool(found.scalar_one())

    async def lost_checkpoints(self) -> Sequence[LostCheckpoint]:
        """Return the checkpoints at a position that the log has lost."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_LOST)).all()
        return [LostCheckpoint(*row) for row in rows]
