"""Follow the log: the existing events, and then new ones as soon as it is safe to read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from eventstore.head import CHANNEL
from kit.connection import CANCEL_TIMEOUT_SECONDS, CONNECTION_LOST, Connection
from kit.pool import Pool

POLL_SECONDS: Final = 0.25
"""The time that a follower waits for a notification from the head's leader before it polls."""
PING_EVERY_SECONDS: Final = 10.0
"""The interval at which a follower pings the connection that it listens over."""


class Wakeups:
    """The notifications of a new head, over one connection that listens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._word = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return not self._connection.is_closed()

    def wake(self, *_: object) -> None:
        self._word.set()

    async def wait(self) -> None:
        """Wait for the next notification, at most POLL_SECONDS.

        Raises an error of CONNECTION_LOST when the connection is dead: it would stay silent.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._word.wait()
        self._word.clear()
        if self._connection.idle_seconds > PING_EVERY_SECONDS:
            await self._connection.ping()


@asynccontextmanager
async def wakeups(pool: Pool) -> AsyncIterator[Wakeups]:
    async with pool.acquire() as connection:
        word = Wakeups(connection)
        await connection.add_listener(CHANNEL, word.wake)
        try:
            yield word
        finally:
            with suppress(*CONNECTION_LOST):
                async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS):
                    await connection.remove_listener(CHANNEL, word.wake)
