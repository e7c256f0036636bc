"""Fill a log of any size inside PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stack.postgres import connected

_FILL: Final = Path(__file__).with_suffix(".sql").read_text()
_UNIQUE: Final = {
    "event_stream_version_key": "(stream_id, version)",
    "event_event_id_key": "(event_id)",
}
"""The constraints whose indexes have no order in time. To build them at the end is much faster."""
_ALTER: Final = "ALTER TABLE eventstore.event"


async def fill(url: str, events: int) -> None:
    """Insert this many events into an empty log, vacuum and analyse it, and write it to disk."""
    async with connected(url) as connection:
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
        for name in _UNIQUE:
            await connection.execute(f"{_ALTER} DROP CONSTRAINT {name}")
        await connection.fetch(_FILL, events)
        for name, columns in _UNIQUE.items():
            await connection.execute(f"{_ALTER} ADD CONSTRAINT {name} UNIQUE {columns}")
        await connection.execute("VACUUM (ANALYZE) eventstore.event")
        await connection.execute("CHECKPOINT")
