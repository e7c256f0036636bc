"""The leader that tells everybody when the safe head has moved."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

from eventstore.leadership import leading
from eventstore.pool import Pool
from eventstore.restart import is_database_away, restarting

NAME: Final = "head"
CHANNEL: Final = "waybill_head"
TICK_SECONDS: Final = 0.01

_ANNOUNCE: Final = "SELECT eventstore.announce_head($1)"


class HeadAnnouncer:
    """Runs in every worker that has the role; one at a time leads.

    Without any, followers of the log still find everything, only later: they poll.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self) -> NoReturn:
        """Until cancelled."""
        await restarting("announcing the head", self._announce, is_database_away)

    async def _announce(self) -> None:
        head = 0
        async with leading(self._pool, NAME) as connection:
            while True:
                head = await connection.fetchval(_ANNOUNCE, head)
                await asyncio.sleep(TICK_SECONDS)
