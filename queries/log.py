"""How the log itself is doing."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_SAFE_HEAD_AGE: Final = text("SELECT eventstore.safe_head_age()")


class LogQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def safe_head_age(self) -> float:
        """Seconds that the append which holds the safe head back has been under way; 0 for none."""
        async with self._engine.connect() as connection:
            return float((await connection.execute(_SAFE_HEAD_AGE)).scalar_one())
