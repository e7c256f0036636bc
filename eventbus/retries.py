"""Try the letters of a group again, in every process of the group."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from eventbus import inbox, letters
from eventbus.bus import Handler
from eventbus.causes import cause_of
from eventbus.dead_letters import WAKE
from eventbus.letters import Claimed
from eventbus.tracing import handling
from kit.pool import Pool
from kit.restart import ServerAway

HANDLER_TIMEOUT: Final = timedelta(seconds=8)
"""The longest that a handler may take. PostgreSQL ends a transaction a little later."""
CLAIMED_FOR: Final = 2 * HANDLER_TIMEOUT
"""The time after which another process tries the letter of one that was killed."""
LOOK_EVERY_SECONDS: Final = 0.5
TIDY_EVERY: Final = timedelta(seconds=5)
"""The interval at which forgotten letters are woken, and old ids of events are forgotten."""

logger = logging.getLogger(__name__)


class Retries:
    def __init__(self, pool: Pool, group: str, handler: Handler) -> None:
        self._pool = pool
        self._group = group
        self._handler = handler

    async def run(self) -> NoReturn:
        """Run until cancelled. Raises errors of the database."""
        tidied = monotonic()
        while True:
            while await self.try_next():
                pass
            if monotonic() - tidied >= TIDY_EVERY.total_seconds():
                await self._tidy()
                tidied = monotonic()
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def try_next(self) -> bool:
        """Try the letter that has been due for longest; return False if none is due."""
        async with self._pool.acquire() as connection:
            letter = await letters.claim(connection, self._group, CLAIMED_FOR)
        if letter is None:
            return False
        if letter.attempts > letters.ATTEMPTS:
            await self._note(letter, "the process ended during the last attempt")
            return True
        try:
            await self._try(letter)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            await self._note(letter, cause_of(error), may_die=not isinstance(error, ServerAway))
        return True

    async def _try(self, letter: Claimed) -> None:
        async with (
            self._pool.acquire() as connection,
            asyncio.timeout(HANDLER_TIMEOUT.total_seconds()),
            connection.transaction(),
        ):
            if await letters.lock(connection, letter.id):
                event = letter.message.event()
                with handling(event, self._group):
                    await self._handler(connection, event)
                await letters.remove(connection, letter.id)
                await connection.execute(WAKE, self._group, letter.key)

    async def _note(self, letter: Claimed, cause: str, *, may_die: bool = True) -> None:
        logger.warning(
            "group %s: dead letter %d failed for the %d. time: %s",
            *(self._group, letter.id, letter.attempts, cause),
        )
        async with self._pool.acquire() as connection:
            await letters.note_failure(connection, letter, cause, may_die=may_die)

    async def _tidy(self) -> None:
        async with self._pool.acquire() as connection:
            # A message may have been held behind a letter that was being removed.
            await connection.execute(WAKE, self._group, None)
            while await inbox.prune(connection, self._group):
                pass
