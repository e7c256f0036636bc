"""Connect to a bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eventbus.backlog import Backlog
from eventbus.bus import EventBus
from kit.pool import Pool


class Connector(Protocol):
    """Each method raises BusUnavailable within seconds, or SettingsError for a wrong setting."""

    async def connect(self, pool: Pool) -> EventBus:
        """Return a bus whose consumers use this pool."""

    async def ask(self) -> None:
        """Connect once and wait for an answer."""

    async def backlogs(self) -> Sequence[Backlog]:
        """Return what waits for each consumer group. Raises BusError as well."""
