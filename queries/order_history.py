"""An order as it was at a position of the log or at a time, folded from its events."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain, takewhile
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.envelope import StoredEvent
from eventstore.errors import PositionLost
from eventstore.protocol import EventStore
from queries.order_fold import folded
from queries.order_view import OrderView
from queries.updates import streams_of

MAX_EVENTS: Final = 1000
"""The most events of an order that are read. An order without failures has about 15."""

HEAD_WAIT_SECONDS: Final = 1.0
"""The time that a request waits for the safe head. An append holds it for some milliseconds."""
POLL_SECONDS: Final = 0.01

# By stream and version, as the index has them: an order by position could read the whole log.
_EVENTS: Final = text("""
    SELECT position, stream_id, version, event_id, type, schema_version,
           data::text, metadata::text, recorded_at
    FROM eventstore.event
    WHERE stream_id = ANY(:streams)
    ORDER BY stream_id, version
    LIMIT :limit
""")
# A standby shows nothing later than the last head that it has replayed.
_NOW: Final = text("""
    SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT announced_at FROM eventstore.announced_head)
                ELSE clock_timestamp() END
""")


class NotReached(Exception):
    """The position or the time is not past: events up to it may still be appended."""


class TooManyEvents(Exception):
    """The order has more than MAX_EVENTS events."""


class OrderHistory:
    """Reads orders as they were. The store gives the safe head, which is lower on a standby."""

    def __init__(self, engine: AsyncEngine, store: EventStore) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._store = store

    async def check_position(self, position: int) -> None:
        """Raise NotReached for a position that the log has not come to.

        Another append may hold the safe head below a position that a client was just given. So the
        head is waited for, unless the position was never drawn.
        """
        try:
            await self._store.check_position(position)
            async with asyncio.timeout(HEAD_WAIT_SECONDS):
                while position > await self._store.safe_head():  # noqa: ASYNC110 - nothing wakes it
                    await asyncio.sleep(POLL_SECONDS)
        except (PositionLost, TimeoutError):
            raise NotReached from None

    async def check_time(self, at: datetime) -> None:
        """Raise NotReached for a time that is in the future by the clock of the database, and on a
        standby for a time that it has not replayed."""
        async with self._engine.connect() as connection:
            now: datetime = (await connection.execute(_NOW)).scalar_one()
        if at > now:
            raise NotReached

    async def as_of(self, order_id: str, position: int) -> OrderView | None:
        """Return the order after its events up to this position; None before it was placed.

        Raises TooManyEvents.
        """
        return await self._after(order_id, lambda stored: stored.position <= position)

    async def at(self, order_id: str, time: datetime) -> OrderView | None:
        """Return the order after the events of each stream before the first recorded later.

        A clock that was set back may have given a later event of a stream an earlier time: the
        events stay in version order. None is returned before the order was placed. Raises
        TooManyEvents.
        """
        return await self._after(order_id, lambda stored: stored.recorded_at <= time)

    async def _after(
        self, order_id: str, is_past: Callable[[StoredEvent], bool]
    ) -> OrderView | None:
        return folded(until(is_past, await self._events(order_id)))

    async def _events(self, order_id: str) -> list[StoredEvent]:
        asked = {"streams": list(streams_of(order_id)), "limit": MAX_EVENTS + 1}
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_EVENTS, asked)).all()
        if len(rows) > MAX_EVENTS:
            raise TooManyEvents
        return [StoredEvent(*row) for row in rows]


def until(
    is_past: Callable[[StoredEvent], bool], events: Iterable[StoredEvent]
) -> Iterable[StoredEvent]:
    """Return the events of each stream up to the last before the first that is not past."""
    streams: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    for stored in events:
        streams[stored.stream_id].append(stored)
    return chain.from_iterable(takewhile(is_past, stream) for stream in streams.values())
