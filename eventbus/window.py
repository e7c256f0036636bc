"""The pages of the log that are being published, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from time import time_ns
from typing import Final, NamedTuple

from eventbus.bus import Published, Publisher
from eventbus.errors import BusUnavailable, EventTooLarge
from eventbus.record import BusRecord, Known
from eventstore.envelope import StoredEvent

MAX_PAGES: Final = 3

Page = Sequence[StoredEvent]


class Publication(NamedTuple):
    page: Page
    begun: Known
    """The state of the bus when the publication began."""
    began: int
    """The time in nanoseconds since 1970."""
    task: asyncio.Task[Published]


class Window:
    def __init__(self, bus: Publisher, record: BusRecord) -> None:
        self._bus = bus
        self._record = record
        self._pages: asyncio.Queue[Publication | EventTooLarge] = asyncio.Queue()
        self._places = asyncio.Semaphore(MAX_PAGES)
        self._tasks: set[asyncio.Task[Published]] = set()

    async def publish(self, page: Page) -> None:
        """Begin to publish the page as soon as fewer than MAX_PAGES are being published.

        Nothing is published behind a page that has failed.
        """
        if not page:
            return
        await self._places.acquire()
        task = asyncio.create_task(self._publish(page))
        self._tasks.add(task)
        self._pages.put_nowait(Publication(page, self._record.known, time_ns(), task))

    async def _publish(self, page: Page) -> Published:
        # An earlier page may have failed since this task was made, and its call have returned.
        if any(_has_failed(task) for task in self._tasks):
            raise BusUnavailable("an earlier page was not published")
        return await self._bus.publish(page)

    def end(self, refused: EventTooLarge) -> None:
        """Note that no page follows: the next event is too large."""
        self._pages.put_nowait(refused)

    async def oldest(self, pause: timedelta) -> Publication | None:
        """Return the page that began first, or None after this time without any.

        Raises EventTooLarge once the pages before that event are settled.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(pause.total_seconds()):
                oldest = await self._pages.get()
            if isinstance(oldest, EventTooLarge):
                raise oldest
            return oldest
        return None

    def settled(self, publication: Publication) -> None:
        """Note that the page is recorded."""
        self._tasks.discard(publication.task)
        self._places.release()

    async def close(self) -> None:
        """Cancel what is being published."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _has_failed(task: asyncio.Task[Published]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
