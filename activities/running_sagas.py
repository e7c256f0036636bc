"""What the activities ask of Temporal."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class RunningSagas(Protocol):
    """The orders' sagas as Temporal knows them. Every method may be called again."""

    async def running(self) -> dict[str, datetime]:
        """The orders whose saga runs, and since when; what has changed in the last moments may be
        missing."""

    async def is_running(self, order_id: str) -> bool:
        """Exactly."""

    async def take_up(self, order_id: str, customer_id: str) -> None: ...
