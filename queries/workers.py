"""The work of the workers for the log and for the sagas, as the database records it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kit.leadership import LOCKS

_SINCE_POLL: Final = text("""
    SELECT extract(epoch FROM clock_timestamp() - max(polled_at))
    FROM journal.polling_worker
    WHERE task_queue = :task_queue AND build_id = :build_id
""")
_LEADS: Final = text("""
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND classid = :locks AND objsubid = 2
        AND objid = (hashtext(:name)::bigint & 4294967295)::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
""")
_LAG: Final = text("""
    SELECT extract(epoch FROM clock_timestamp() - recorded_at)
    FROM eventstore.event
    WHERE position > (
        SELECT coalesce(max(position), 0) FROM eventstore.checkpoint WHERE name = :name
    )
    ORDER BY position
    LIMIT 1
""")


class WorkerQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def seconds_since_poll(self, task_queue: str, build_id: str) -> float | None:
        """Return the seconds since a worker of this build last polled; None if none ever has."""
        given = {"task_queue": task_queue, "build_id": build_id}
        async with self._engine.connect() as connection:
            seconds = (await connection.execute(_SINCE_POLL, given)).scalar_one()
        return None if seconds is None else float(seconds)

    async def is_led(self, name: str) -> bool:
        """Return whether a worker leads under this name: see kit/leadership.py."""
        async with self._engine.connect() as connection:
            found = await connection.execute(_LEADS, {"locks": LOCKS, "name": name})
            return bool(found.scalar_one())

    async def lag_seconds(self, checkpoint: str) -> float:
        """Return the age of the oldest event above the checkpoint; 0 if there is none."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(_LAG, {"name": checkpoint})).scalar_one_or_none()
        return float(found or 0)
