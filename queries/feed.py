"""The live feed: one reader of the log in a process, for any number of listeners."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final, NoReturn
from uuid import UUID

from eventstore.envelope import StoredEvent
from eventstore.errors import PositionLost
from eventstore.protocol import EventStore
from kit.restart import restarting

QUEUE_LIMIT: Final = 256
TIMEOUT_SECONDS: Final = 0.2
"""The total time that the feed waits for a listener to empty its full queue.

All other listeners wait as long. The wait is needed because a page of the log may hold more events
of one stream than a queue, and arrives at once.
"""


Route = Callable[[Sequence[StoredEvent]], Awaitable[Sequence[str]]]
"""Return the key of each event of a page: the event goes to the listeners of that key."""


async def by_stream(page: Sequence[StoredEvent]) -> Sequence[str]:
    return [event.stream_id for event in page]


class FellBehind(Exception):
    """The listener was too slow for its queue and gets no further event: resume from the log."""


class FeedClosed(Exception):
    """The process shuts down: resume from the log, at another process."""


class Listener:
    """A bounded queue of the events of some keys, all of those above `start`."""

    def __init__(self, keys: Collection[str], limit: int) -> None:
        self.keys = frozenset(keys)
        self.start = 0
        self._limit = limit
        self._queue: deque[StoredEvent] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._wait_left = TIMEOUT_SECONDS
        self._end: Exception | None = None

    async def next(self) -> StoredEvent:
        """Wait for the next event. Raise FellBehind, FeedClosed or PositionLost after the last."""
        while not self._queue:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        event = self._queue.popleft()
        self._room.set()
        if not self._queue:
            self._wait_left = TIMEOUT_SECONDS
        return event

    @property
    def is_full(self) -> bool:
        """Return whether no event can be offered now. A listener that has ended ignores each
        offer."""
        return self._end is None and len(self._queue) == self._limit

    def offer(self, event: StoredEvent) -> None:
        if self._end is None:
            self._queue.append(event)
            self._changed.set()

    async def wait_for_room(self) -> None:
        """Wait until the listener takes an event or ends, or the feed's time-out passes."""
        clock = asyncio.get_running_loop()
        started_at = clock.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait_left):
                while self.is_full:
                    self._room.clear()
                    await self._room.wait()
        self._wait_left -= clock.time() - started_at

    def end(self, reason: Exception) -> None:
        self._end = reason
        self._changed.set()
        self._room.set()


class LiveFeed:
    """Read the log from its safe head while there are listeners, and not otherwise.

    `types` restricts the events, and `route` gives the keys by which listeners receive them. By
    default it is a feed of all events, by their streams.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        types: Collection[str] | None = None,
        route: Route = by_stream,
        name: str = "live-feed",
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self._store = store
        self._types = types
        self._route = route
        self._name = name
        self._queue_limit = queue_limit
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._reader: asyncio.Task[NoReturn] | None = None
        self._position = 0
        self._event_id: UUID | None = None
        self._starting = asyncio.Lock()

    @property
    def listeners(self) -> int:
        return len(self._all())

    @property
    def is_reading(self) -> bool:
        return self._reader is not None

    @asynccontextmanager
    async def listen(self, keys: Collection[str]) -> AsyncIterator[Listener]:
        """Receive every event of these keys above the listener's `start`, in order."""
        listener = Listener(keys, self._queue_limit)
        try:
            await self._add(listener)
            yield listener
        finally:
            listener.end(FeedClosed())
            self._remove(listener)

    def end(self, reason: Exception) -> None:
        """End every listener. Each raises this reason after its last event."""
        self._end_all(reason)

    async def close(self) -> None:
        self._end_all(FeedClosed())
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _add(self, listener: Listener) -> None:
        async with self._starting:
            if self._reader is None:
                await self._begin_at_the_head()
            listener.start = self._position
            for key in listener.keys:
                self._listeners[key].add(listener)
            if self._reader is None:
                self._reader = asyncio.create_task(self._read(), name=self._name)

    def _remove(self, listener: Listener) -> None:
        for key in listener.keys:
            others = self._listeners.get(key, set())
            others.discard(listener)
            if not others:
                self._listeners.pop(key, None)
        if not self._listeners and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self) -> NoReturn:
        """Read the log. After a fault the position is unchanged, so that no event is skipped."""
        await restarting("the live feed", self._follow)

    async def _follow(self) -> None:
        """Follow the log. When the log has lost its tail, every listener ends: each may have missed
        events."""
        try:
            await self._store.check_position(self._position, self._event_id)
            await self._offer_all()
        except PositionLost as lost:
            await self._begin_at_the_head()
            self._end_all(lost)
            raise

    async def _offer_all(self) -> None:
        async with aclosing(self._store.follow(self._position, types=self._types)) as pages:
            async for page in pages:
                for event, key in zip(page, await self._route(page), strict=True):
                    # Set the position first, so that a listener that joins during the hand-out
                    # starts after this event.
                    self._position, self._event_id = event.position, event.event_id
                    await self._hand_out(event, key)

    async def _hand_out(self, event: StoredEvent, key: str) -> None:
        listeners = tuple(self._listeners.get(key, ()))
        full = [listener for listener in listeners if listener.is_full]
        if full:
            await asyncio.gather(*(listener.wait_for_room() for listener in full))
        for listener in listeners:
            if listener.is_full:
                listener.end(FellBehind())
            listener.offer(event)

    async def _begin_at_the_head(self) -> None:
        self._position, self._event_id = await self._store.safe_head(), None

    def _all(self) -> set[Listener]:
        return set().union(*self._listeners.values())

    def _end_all(self, reason: Exception) -> None:
        for listener in self._all():
            listener.end(reason)
        self._listeners.clear()
