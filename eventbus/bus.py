from __future__ import annotations

from typing import Protocol

from eventstore.envelope import StoredEvent


class EventBus(Protocol):
    """Carries events to whoever listens. It may deliver one twice, never lose one it took."""

    async def publish(self, *events: StoredEvent) -> None:
        """Return once the bus keeps them all. An event published again is kept once."""

    async def aclose(self) -> None: ...
