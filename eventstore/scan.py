"""Read a few events of a long log in windows of positions, so that each statement is short.

A filter that matches little has to skip many events. One statement for all of them may meet a
time-out, and each attempt would start from the beginning. A window that meets a time-out is read
again in smaller ones, and the positions before it are not read again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from eventstore import statements as sql
from eventstore.envelope import EventFilter, StoredEvent

MAX_WINDOW: Final = 500_000
"""The positions of a window: about half a second where no index helps."""
MIN_WINDOW: Final = 1_000
MIN_LIMIT: Final = 1_000
"""PostgreSQL assumes that a window's events are spread evenly. For a smaller limit it would read by
position, and to the window's end when there are no matches."""
SHRINK: Final = 8

CUT: Final = (asyncpg.QueryCanceledError, asyncpg.ConnectionDoesNotExistError)
"""The errors by statement_timeout, and by transaction_timeout, which closes the connection."""

Load = Callable[..., Awaitable[list[StoredEvent]]]


class Scan:
    """The windows of one store's readers. They share a size: it is the server that is slow."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._window = MAX_WINDOW

    async def next(
        self, after: int, head: int, limit: int, wanted: EventFilter
    ) -> tuple[list[StoredEvent], int]:
        """Return the events of the next window, and the position up to which these are all."""
        while True:
            end = min(after + self._window, head)
            try:
                found = await self._load(
                    sql.LOAD_SOME,
                    after,
                    end,
                    max(limit, MIN_LIMIT),
                    wanted.types,
                    wanted.categories,
                )
            except CUT:
                if self._window == MIN_WINDOW:
                    raise
                self._window = max(self._window // SHRINK, MIN_WINDOW)
                continue
            self._window = min(self._window * 2, MAX_WINDOW)
            page = found[:limit]
            return page, page[-1].position if len(page) == limit else end
