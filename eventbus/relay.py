"""Carry the log to the bus, from its last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from eventbus.bus import Publisher
from eventbus.errors import BusError, EventTooLarge, is_bus_away
from eventbus.record import NAME, BusRecord
from eventstore.checkpoint import Checkpoint, CheckpointMoved
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.protocol import EventStore
from kit.leadership import leading
from kit.pauses import with_pauses
from kit.pool import Pool
from kit.restart import is_database_away, restarting

COMPARE_EVERY: Final = timedelta(seconds=1)
"""The interval at which the relay checks that the bus still keeps its events."""

Page = Sequence[StoredEvent]


def _may_restart(error: BaseException) -> bool:
    # The log may have lost its tail, and the checkpoint is above it: an operator sets it right.
    return is_database_away(error) or is_bus_away(error) or isinstance(error, EventStoreError)


class Relay:
    """Run in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(self, pool: Pool, store: EventStore, bus: Publisher) -> None:
        self._pool = pool
        self._store = store
        self._bus = bus

    async def run(self) -> NoReturn:
        """Run until cancelled. After a fault the relay starts again from the checkpoint."""
        await restarting("relaying the log", self._lead, _may_restart)

    async def _lead(self) -> None:
        async with leading(self._pool, NAME) as connection:
            record = BusRecord(connection, self._bus)
            try:
                await self._relay(await Checkpoint.read(connection, NAME), record)
            except CheckpointMoved:
                raise  # another process relays: the bus has no fault
            except (BusError, EventStoreError) as error:
                await record.note_fault(str(error))
                raise

    async def _relay(self, checkpoint: Checkpoint, record: BusRecord) -> None:
        await record.compare()
        compared = monotonic()
        async with (
            aclosing(self._store.follow(checkpoint.position)) as pages,
            aclosing(with_pauses(pages, COMPARE_EVERY)) as pages_and_pauses,
        ):
            async for page in pages_and_pauses:
                if page:
                    await self._carry(page, checkpoint, record)
                if monotonic() - compared >= COMPARE_EVERY.total_seconds():
                    await record.compare()
                    await record.note_success()
                    compared = monotonic()

    async def _carry(self, page: Page, checkpoint: Checkpoint, record: BusRecord) -> None:
        try:
            await self._publish(page, checkpoint, record)
        except EventTooLarge as refused:
            if before := [event for event in page if event.position < refused.position]:
                await self._publish(before, checkpoint, record)
            raise

    async def _publish(self, page: Page, checkpoint: Checkpoint, record: BusRecord) -> None:
        position = page[-1].position
        while not await record.advance(checkpoint, position, await self._bus.publish(page)):
            await record.compare()
