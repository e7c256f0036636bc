"""Follow the log, and write a row for each final fact that a channel notifies of.

The notifications follow the log and not the bus, so they go out while the bus is down. The rows and
the checkpoint change in one transaction, and the checkpoint is the fence of a leader that was
replaced. The first checkpoint is the safe head: a new channel notifies of nothing that was before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from domain.event import Event
from eventstore.checkpoint import Checkpoint
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.protocol import EventStore
from kit.leadership import leading
from kit.pauses import with_pauses
from kit.pool import Connection, Pool
from kit.restart import is_database_away, restarting
from notifications.facts import TYPES, notice_of
from notifications.outbox import Channel, Row, write
from notifications.push.rows import write_push
from observability.work import took
from projections.parked import ParkedEvents
from projections.poison import cause_of, is_poison

PAUSES: Final = (0.05, 0.2, 1.0)
"""The seconds before each repetition of an event that fails; after the last one it is parked."""
MAX_PARKED_STREAMS: Final = 100
"""With more parked streams, the events are not the cause: the follower stops and says so."""
ASK_EVERY: Final = timedelta(seconds=1)
"""The interval at which the leader looks for events to redrive, and passes other events."""

logger = logging.getLogger(__name__)


class NotificationsStuck(EventStoreError):
    """So many streams are parked that this code, or its table, must be at fault."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(
            f"notifications by {channel} cannot take events of {MAX_PARKED_STREAMS} streams:"
            " deploy a build that can, and it takes them at its start"
        )


def checkpoint_of(channel: Channel) -> str:
    return f"notifications.{channel}"


def _may_restart(error: BaseException) -> bool:
    # The log may have lost its tail, or another process has moved the checkpoint.
    return is_database_away(error) or isinstance(error, EventStoreError)


class NotificationFollower:
    """Run in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(self, pool: Pool, store: EventStore, channel: Channel) -> None:
        self._pool = pool
        self._store = store
        self._channel = channel

    async def run(self) -> NoReturn:
        """Run until cancelled. After a fault it starts again from the checkpoint."""
        await restarting(f"notifications by {self._channel}", self._lead, _may_restart)

    async def _lead(self) -> None:
        async with leading(self._pool, checkpoint_of(self._channel)) as connection:
            leader = Leader(connection, self._store, self._channel)
            await leader.start()
            asked = monotonic()
            async with (
                aclosing(self._store.follow(leader.position, types=TYPES)) as pages,
                aclosing(with_pauses(pages, ASK_EVERY)) as pages_and_pauses,
            ):
                async for page in pages_and_pauses:
                    if page:
                        await leader.take(page)
                    if monotonic() - asked >= ASK_EVERY.total_seconds():
                        await leader.redrive()
                        await leader.pass_others()
                        asked = monotonic()


class Leader:
    """The work of the process that leads: rows and checkpoint change in one transaction."""

    def __init__(self, connection: Connection, store: EventStore, channel: Channel) -> None:
        self._connection = connection
        self._store = store
        self._channel = channel
        self._parked = ParkedEvents(connection, checkpoint_of(channel))

    async def start(self) -> None:
        """Read the state, and take parked events again: the code of this process may take them."""
        beginning = await self._store.safe_head()
        name = checkpoint_of(self._channel)
        self._checkpoint = await Checkpoint.read(self._connection, name, beginning)
        await self._parked.read()
        for stream_id in sorted(self._parked.streams):
            await self._redrive(stream_id)

    @property
    def position(self) -> int:
        return self._checkpoint.position

    async def take(self, page: Sequence[StoredEvent]) -> None:
        """Take the next events. One that fails for good is parked with its stream."""
        try:
            await self._apply(page)
        except Exception as error:
            if not is_poison(error):
                raise
            for stored in page:
                await self._take_one(stored)

    async def redrive(self) -> None:
        """Take the parked events again that an operator asks for."""
        for stream_id in await self._parked.redriven():
            await self._redrive(stream_id)

    async def pass_others(self) -> None:
        """Advance over events of other types, so that they do not count as lag."""
        head = await self._store.safe_head()
        if head > self.position and not await self._store.load_all_events(
            self.position, 1, types=TYPES
        ):
            await self._checkpoint.advance(head)

    async def _apply(self, page: Sequence[StoredEvent]) -> None:
        streams = self._parked.streams
        rows = list(_rows([s for s in page if s.stream_id not in streams]))
        async with self._connection.transaction():
            await self._parked.hold([s for s in page if s.stream_id in streams])
            await self._write(rows)
            await self._checkpoint.advance(page[-1].position)
        took(f"notifications {self._channel}", [s.recorded_at for s in page])

    async def _take_one(self, stored: StoredEvent) -> None:
        for pause in (*PAUSES, None):
            try:
                return await self._apply([stored])
            except Exception as error:
                if not is_poison(error):
                    raise
                if pause is None:
                    return await self._park(stored, error)
                await asyncio.sleep(pause)
        return None

    async def _park(self, stored: StoredEvent, error: Exception) -> None:
        if len(self._parked.streams) >= MAX_PARKED_STREAMS:
            raise NotificationsStuck(self._channel) from error
        async with self._connection.transaction():
            await self._parked.park(stored, cause_of(error), len(PAUSES) + 1)
            await self._checkpoint.advance(stored.position)
        logger.error(
            "notifications by %s: stream %s is parked at position %d: %s",
            *(self._channel, stored.stream_id, stored.position, cause_of(error)),
        )

    async def _redrive(self, stream_id: str) -> None:
        positions = await self._parked.positions(stream_id)
        for stored in await self._store.load_events(stream_id):
            if stored.position in positions and not await self._retake(stored):
                return
        self._parked.streams.discard(stream_id)

    async def _write(self, rows: Sequence[Row]) -> None:
        if self._channel is Channel.PUSH:
            await write_push(self._connection, rows)
        else:
            await write(self._connection, self._channel, rows)

    async def _retake(self, stored: StoredEvent) -> bool:
        """Take a parked event, and return whether that succeeded."""
        try:
            rows = list(_rows([stored]))
            async with self._connection.transaction():
                await self._write(rows)
                await self._parked.release(stored)
                await self._checkpoint.advance(self.position)
        except Exception as error:
            if not is_poison(error):
                raise
            await self._parked.failed_again(stored, cause_of(error))
            return False
        return True


def _rows(events: Sequence[StoredEvent]) -> Iterator[Row]:
    for stored in events:
        event = stored.decode()
        kind = notice_of(event)
        if kind is not None:
            yield Row(stored, order_of(event), kind)


def order_of(event: Event) -> str:
    """Return the order that an event of the types of `TYPES` is about."""
    order_id: str = getattr(event, "order_id")  # noqa: B009 - every one of these events has it
    return order_id
