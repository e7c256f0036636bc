"""Reading some events of a long log: in windows of positions, so that each statement is short.

A filter that finds little has to pass over many events. One statement for all of them may meet a
time-out, and would then begin anew for ever. A window that meets one is read again in smaller ones,
and what lies before it is not read again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from eventstore import statements as sql
from eventstore.envelope import EventFilter, StoredEvent

MAX_WINDOW: Final = 500_000
"""In positions: about half a second where no index helps."""
MIN_WINDOW: Final = 1_000
MIN_LIMIT: Final = 1_000
"""PostgreSQL takes it that a window's events are spread evenly. For a few of them it would read by
position, and so to the window's end where there are none."""
SHRINK: Final = 8

CUT: Final = (asyncpg.QueryCanceledError, asyncpg.ConnectionDoesNotExistError)
"""By statement_timeout; by transaction_timeout, which closes the connection."""

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
