"""Let the tasks of one process wait for a stream here, and not in PostgreSQL.

A task that waits for a lock in PostgreSQL holds a connection, so one product in demand would take
all the connections of its worker. A task that waits here also loads what the one before it has
written, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, stream_ids: Iterable[str]) -> AsyncIterator[None]:
        """Wait for all of these streams. All tasks take them in one order, so none deadlocks."""
        async with AsyncExitStack() as held:
            for stream_id in sorted(stream_ids):
                lock = self._locks.get(stream_id)
                if lock is None:
                    lock = self._locks[stream_id] = asyncio.Lock()
                await held.enter_async_context(lock)
            yield
