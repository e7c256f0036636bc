"""Carries the log to the bus, from where it was the last time."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from eventbus.bus import EventBus
from eventstore.checkpoint import Checkpoint, leading
from eventstore.pool import Pool
from eventstore.protocol import EventStore

NAME: Final = "relay"
PAGE: Final = 500
SECONDS_BETWEEN_POLLS: Final = 0.05
SECONDS_AFTER_A_FAULT: Final = 1.0

logger = logging.getLogger(__name__)


class Relay:
    """Runs in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(self, pool: Pool, store: EventStore, bus: EventBus) -> None:
        self._pool = pool
        self._store = store
        self._bus = bus

    async def run(self) -> None:
        """Until cancelled. Whatever fails is begun again from the checkpoint."""
        while True:
            try:
                async with leading(self._pool, NAME) as checkpoint:
                    await self._follow(checkpoint)
            except Exception:
                logger.exception("the relay lost its footing and starts again")
                await asyncio.sleep(SECONDS_AFTER_A_FAULT)

    async def _follow(self, checkpoint: Checkpoint) -> None:
        while True:
            if not await self.relay_page(checkpoint):
                await asyncio.sleep(SECONDS_BETWEEN_POLLS)

    async def relay_page(self, checkpoint: Checkpoint) -> bool:
        """Publish what is next, then move the checkpoint. False: there was nothing."""
        events = await self._store.load_all_events(checkpoint.position, PAGE)
        if events:
            await self._bus.publish(*events)
            await checkpoint.advance(events[-1].position)
        return bool(events)
