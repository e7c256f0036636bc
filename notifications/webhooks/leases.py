"""Share the endpoints among the processes that send webhooks.

Each process renews one row, for all of its endpoints. When it is silent, another process deletes
the row, and the endpoints are free. So hundreds of endpoints cost one update a second, and no
connection of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from kit.pool import CONNECTION_LOST, Pool
from notifications.webhooks import statements as sql

SILENT_AFTER: Final = timedelta(seconds=5)
"""Other processes take the endpoints of a process that was silent for this long."""
RENEW_TIMEOUT_SECONDS: Final = 3.0
"""A process that cannot renew within this time stops its work before the others take it."""
RENEW_EVERY_SECONDS: Final = 1.0


class Led(NamedTuple):
    """An endpoint that this process leads. `is_due`: an event of it can be tried now."""

    endpoint_id: UUID
    revision: int
    is_due: bool


class Leases:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.member = uuid4()

    async def renew(self) -> Sequence[Led]:
        """Take this process's share of the endpoints, and return it."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(sql.LOCK_MEMBERS)
            await connection.execute(sql.SEEN, self.member)
            await connection.execute(sql.REMOVE_SILENT, SILENT_AFTER)
            share = await connection.fetchval(sql.SHARE)
            await connection.execute(sql.RELEASE, self.member, share)
            await connection.execute(sql.CLAIM, self.member, share)
            return [Led(*row) for row in await connection.fetch(sql.LED, self.member)]

    async def leave(self) -> None:
        """Free the endpoints at once."""
        with suppress(*CONNECTION_LOST):
            await self._pool.execute(sql.LEAVE, self.member)
