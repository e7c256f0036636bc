"""The leader that tells everybody when the safe head has moved."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from eventstore.leadership import leading
from eventstore.pool import Pool

NAME: Final = "head"
CHANNEL: Final = "waybill_head"
TICK_SECONDS: Final = 0.01
SECONDS_AFTER_A_FAULT: Final = 1.0

_ANNOUNCE: Final = "SELECT eventstore.announce_head($1)"

logger = logging.getLogger(__name__)


class HeadAnnouncer:
    """Runs in every worker that has the role; one at a time leads.

    Without any, followers of the log still find everything, only later: they poll.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._announce()
            except Exception:
                logger.exception("the head is no longer announced from here; trying again")
                await asyncio.sleep(SECONDS_AFTER_A_FAULT)

    async def _announce(self) -> None:
        head = 0
        async with leading(self._pool, NAME) as connection:
            while True:
                head = await connection.fetchval(_ANNOUNCE, head)
                await asyncio.sleep(TICK_SECONDS)
