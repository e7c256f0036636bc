"""Follow the log: the existing events, and then new ones as soon as it is safe to read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from eventstore.head import CHANNEL
from kit.connection import CANCEL_TIMEOUT_SECONDS, CONNECTION_LOST, Connection
from kit.pool import Pool

POLL_SECONDS: Final = 0.25
"""The time that a follower waits for a notification from the head's leader before it polls."""
STANDBY_POLL_SECONDS: Final = 0.05
"""The interval at which a follower on a standby polls, because a standby refuses LISTEN.

It is the interval at which the leader writes the announced head.
"""
PING_EVERY_SECONDS: Final = 10.0
"""The interval at which a follower pings the connection that it listens over."""


class Wakeups:
    """The notifications of a new head, over one connection that listens.

    Without notifications, a follower polls more often.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._word = asyncio.Event()
        self._poll_seconds = POLL_SECONDS

    @property
    def is_connected(self) -> bool:
        return not self._connection.is_closed()

    async def listen(self) -> None:
        try:
            await self._connection.add_listener(CHANNEL, self.wake)
        except asyncpg.ReadOnlySQLTransactionError:
            self._poll_seconds = STANDBY_POLL_SECONDS

    async def ignore(self) -> None:
        await self._connection.remove_listener(CHANNEL, self.wake)

    def wake(self, *_: object) -> None:
        self._word.set()

    async def wait(self) -> None:
        """Wait for the next notification, at most for the time after which a follower polls.

        Raises an error of CONNECTION_LOST when the connection is dead: it would stay silent.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._word.wait()
        self._word.clear()
        if self._connection.idle_seconds > PING_EVERY_SECONDS:
            await self._connection.ping()


@asynccontextmanager
async def wakeups(pool: Pool) -> AsyncIterator[Wakeups]:
    async with pool.acquire() as connection:
        word = Wakeups(connection)
        await word.listen()
        try:
            yield word
        finally:
            with suppress(*CONNECTION_LOST):
                async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS):
                    await word.ignore()
