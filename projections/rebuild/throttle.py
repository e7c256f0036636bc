"""Slow a rebuild down, so that it leaves the machine to the service."""

from __future__ import annotations

import asyncio
from time import monotonic


class Throttle:
    """Keep to a number of events a second; None means full speed."""

    def __init__(self, events_per_second: int | None) -> None:
        self._rate = events_per_second
        self._free_at = monotonic()

    async def after(self, events: int) -> None:
        """Wait until these events may be followed by more."""
        if self._rate is None:
            return
        self._free_at = max(self._free_at, monotonic()) + events / self._rate
        await asyncio.sleep(self._free_at - monotonic())
