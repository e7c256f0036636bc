"""Fill a log of any size inside PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stack.postgres import connected

_FILL: Final = Path(__file__).with_suffix(".sql").read_text()


async def fill(url: str, events: int) -> None:
    """Insert this many events into an empty log, vacuum and analyse it, and write it to disk."""
    async with connected(url) as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.fetch(_FILL, events)
        await connection.execute("VACUUM (ANALYZE) eventstore.event")
        await connection.execute("CHECKPOINT")
