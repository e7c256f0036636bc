"""Refuse a database whose stored format this code does not read."""

from __future__ import annotations

from typing import Final

from kit.pool import Pool
from stored_format import require_stored_format

IS_NUMBERED: Final = "SELECT to_regclass('eventstore.stored_format') IS NOT NULL"
FORMAT: Final = "SELECT format FROM eventstore.stored_format"
PLACE: Final = "the database"
ADVICE: Final = "use an empty database, and run `alembic upgrade head` there"


async def require_readable(pool: Pool) -> None:
    """Raise OtherStoredFormatError unless the database has this code's stored format."""
    found = await pool.fetchval(FORMAT) if await pool.fetchval(IS_NUMBERED) else None
    require_stored_format(PLACE, found, ADVICE)
