"""Follow the log, and write a row for each final fact that a channel notifies of.

The notifications follow the log and not the bus, so they go out while the bus is down. The rows and
the checkpoint change in one transaction, and the checkpoint is the fence of a leader that was
replaced. The first checkpoint is the safe head: a new channel notifies of nothing that was before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from domain.event import Event
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
from projections.parking_leader import ParkingLeader

ASK_EVERY: Final = timedelta(seconds=1)
"""The interval at which the leader looks for events to redrive, and passes other events."""


class NotificationsStuck(EventStoreError):
    """So many streams are parked that this code, or its table, must be at fault."""

    def __init__(self, channel: Channel, streams: int) -> None:
        super().__init__(
            f"notifications by {channel} cannot take events of {streams} streams:"
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


class Leader(ParkingLeader):
    """It writes a row for each final fact."""

    def __init__(self, connection: Connection, store: EventStore, channel: Channel) -> None:
        super().__init__(
            connection,
            store,
            name=f"notifications by {channel}",
            checkpoint=checkpoint_of(channel),
            types=TYPES,
        )
        self._channel = channel

    async def _beginning(self) -> int:
        return await self._store.safe_head()

    async def _write(self, events: Sequence[StoredEvent]) -> None:
        rows = list(_rows(events))
        if self._channel is Channel.PUSH:
            await write_push(self._connection, rows)
        else:
            await write(self._connection, self._channel, rows)

    def _stuck(self, streams: int) -> NotificationsStuck:
        return NotificationsStuck(self._channel, streams)


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
