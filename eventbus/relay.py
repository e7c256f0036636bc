"""Carries the log to the bus, from where it was the last time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Final

from eventbus.bus import EventBus
from eventstore.checkpoint import Checkpoint
from eventstore.leadership import leading
from eventstore.pool import Pool
from eventstore.protocol import EventStore

NAME: Final = "relay"
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
                async with leading(self._pool, NAME) as connection:
                    await self._follow(await Checkpoint.read(connection, NAME))
            except Exception:
                logger.exception("the relay lost its footing and starts again")
                await asyncio.sleep(SECONDS_AFTER_A_FAULT)

    async def _follow(self, checkpoint: Checkpoint) -> None:
        async with aclosing(self._store.follow(checkpoint.position)) as pages:
            async for page in pages:
                await self._bus.publish(*page)
                await checkpoint.advance(page[-1].position)
