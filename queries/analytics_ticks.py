"""Notify any number of subscribers that the analytics have changed, at most once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from sqlalchemy.ext.asyncio import AsyncEngine

from kit.restart import restarting
from queries.analytics_statements import CHANGED

TICK_SECONDS: Final = 1.0
"""The least time from one tick of a subscriber to its next."""

POLL_SECONDS: Final = 0.2
"""The time between two looks at the database."""


@dataclass(frozen=True)
class Tick:
    """A change of the analytics, one object for all subscribers."""

    position: int
    """The position of the last event that changed them; 0 before the first one."""


class AnalyticsTicks:
    """One task of the process polls the database while there are subscribers.

    There are no queues: a subscriber that comes back late gets the newest tick, and no other.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._subscribers = 0
        self._poller: asyncio.Task[NoReturn] | None = None
        self._newest: Tick | None = None
        self._changed = asyncio.Condition()
        self._closed = asyncio.Event()

    @property
    def is_polling(self) -> bool:
        return self._poller is not None

    async def follow(self) -> AsyncGenerator[Tick, None]:
        """Yield a tick for the present, and one on each change.

        Ends when the process shuts down.
        """
        self._subscribers += 1
        if self._poller is None and not self._closed.is_set():
            self._newest = None
            self._poller = asyncio.create_task(self._poll(), name="analytics-ticks")
        seen: Tick | None = None
        try:
            while (tick := await self._next(seen)) is not None:
                due = asyncio.get_running_loop().time() + TICK_SECONDS
                yield (seen := tick)
                await self._pause(due)
        finally:
            self._subscribers -= 1
            if not self._subscribers:
                self._stop()

    async def close(self) -> None:
        self._closed.set()
        poller = self._poller
        self._stop()
        if poller is not None:
            await asyncio.wait([poller])
        async with self._changed:
            self._changed.notify_all()

    async def _next(self, seen: Tick | None) -> Tick | None:
        """Wait for another tick than `seen`; return None when the process shuts down."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._closed.is_set() or self._newest not in {None, seen}
            )
            return None if self._closed.is_set() else self._newest

    async def _pause(self, due: float) -> None:
        """Let the changes of a second come together, unless the process shuts down."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._closed.wait()

    async def _poll(self) -> NoReturn:
        await restarting("the analytics ticks", self._compare)

    async def _compare(self) -> None:
        while True:
            tick = Tick(await self._read())
            if tick != self._newest:
                async with self._changed:
                    self._newest = tick
                    self._changed.notify_all()
            await asyncio.sleep(POLL_SECONDS)

    async def _read(self) -> int:
        async with self._engine.connect() as connection:
            return (await connection.execute(CHANGED)).scalar_one_or_none() or 0

    def _stop(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None
