"""The leader that notifies followers when the safe head has moved."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

from kit.leadership import leading
from kit.pool import Pool
from kit.restart import is_database_away, restarting

NAME: Final = "head"
CHANNEL: Final = "waybill_head"
TICK_SECONDS: Final = 0.01
MAX_TICK_SECONDS: Final = 0.25
"""Followers poll at this interval (tail.POLL_SECONDS): a longer pause would make the leader
useless."""
BACK_OFF: Final = 1.1
"""A tick without a new head makes the next one a tenth longer. So an event is announced late by at
most a tenth of the silence before it."""

_ANNOUNCE: Final = "SELECT eventstore.announce_head($1)"


class HeadAnnouncer:
    """Announce the safe head, in every worker that has the role; one of them leads.

    The log works without it, only later: its followers also poll.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self) -> NoReturn:
        """Announce until cancelled."""
        await restarting("announcing the head", self._announce, is_database_away)

    async def _announce(self) -> None:
        head, tick = 0, TICK_SECONDS
        async with leading(self._pool, NAME) as connection:
            while True:
                last, head = head, await connection.fetchval(_ANNOUNCE, head)
                tick = TICK_SECONDS if head > last else min(tick * BACK_OFF, MAX_TICK_SECONDS)
                await asyncio.sleep(tick)
