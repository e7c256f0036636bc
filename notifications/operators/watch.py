"""Watch for what needs an operator, and write the messages about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Final, NoReturn

import asyncpg

from kit.leadership import leading
from kit.pool import Connection, Pool
from kit.restart import is_database_away, restarting
from notifications.operators import notices, outbox
from notifications.operators.timing import Timing

NAME: Final = "operator notices"
PRUNE_EVERY_SECONDS: Final = 60.0


class NoticeWatch:
    """Run in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(self, pool: Pool, targets: Sequence[str], timing: Timing) -> None:
        self._pool = pool
        self._targets = targets
        self._timing = timing

    async def run(self) -> NoReturn:
        """Run until cancelled. All that it knows is in PostgreSQL."""
        await restarting(NAME, self._lead, _may_restart)

    async def _lead(self) -> NoReturn:
        async with leading(self._pool, NAME) as connection:
            pruned = monotonic() - PRUNE_EVERY_SECONDS
            while True:
                await self.look(connection)
                if monotonic() - pruned >= PRUNE_EVERY_SECONDS:
                    await notices.prune(connection)
                    await outbox.prune(connection)
                    pruned = monotonic()
                await asyncio.sleep(self._timing.look_every.total_seconds())

    async def look(self, connection: Connection) -> None:
        """Open and close notices, and write the message that is next for each target."""
        await notices.compare(connection, self._timing.flap_window)
        for target in self._targets:
            await outbox.compose(connection, target, self._timing)


def _may_restart(error: BaseException) -> bool:
    # A leader that was replaced has lost a race for a notice: its transaction wrote nothing.
    return is_database_away(error) or isinstance(error, asyncpg.UniqueViolationError)
