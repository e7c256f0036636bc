"""Carry the log to the bus, from its last checkpoint.

Several pages are published at the same time: the next one is read and published while the
acknowledgements of the last one are awaited. The checkpoint advances page by page, each after its
acknowledgements.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from eventbus.bus import Publisher
from eventbus.errors import BusError, EventTooLarge, is_bus_away
from eventbus.record import NAME, BusRecord
from eventbus.tracing import record_published
from eventbus.window import Page, Publication, Window
from eventstore.checkpoint import Checkpoint, CheckpointMoved
from eventstore.errors import EventStoreError
from eventstore.protocol import EventStore
from kit.leadership import leading
from kit.pool import Pool
from kit.restart import is_database_away, restarting
from kit.tasks import together
from observability.work import took

COMPARE_EVERY: Final = timedelta(seconds=1)
"""The interval at which the relay checks that the bus still keeps its events."""


class LossFound(Exception):
    """The bus has lost events while others were published: those are published again."""


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
                while True:
                    checkpoint = await Checkpoint.read(connection, NAME)
                    await self._relay(checkpoint, record)
            except CheckpointMoved:
                raise  # another process relays: the bus has no fault
            except (BusError, EventStoreError) as error:
                await record.note_fault(str(error))
                raise

    async def _relay(self, checkpoint: Checkpoint, record: BusRecord) -> None:
        """Relay until the bus is found to have lost events."""
        await record.compare()
        window = Window(self._bus, record)
        try:
            await together(
                self._publish(checkpoint.position, window),
                self._settle(checkpoint, record, window),
            )
        except LossFound:
            return
        finally:
            await window.close()

    async def _publish(self, position: int, window: Window) -> None:
        """Publish the log; end before an event that the bus cannot take."""
        async with aclosing(self._store.follow(position)) as pages:
            async for page in pages:
                try:
                    self._bus.require_room(page)
                except EventTooLarge as refused:
                    await window.publish(_before(refused, page))
                    window.end(refused)
                    return
                await window.publish(page)

    async def _settle(self, checkpoint: Checkpoint, record: BusRecord, window: Window) -> None:
        """Record what the bus has acknowledged. Raises LossFound."""
        compared = monotonic()
        while True:
            publication = await window.oldest(COMPARE_EVERY)
            if publication is not None:
                await self._record(publication, checkpoint, record)
                window.settled(publication)
            if monotonic() - compared >= COMPARE_EVERY.total_seconds():
                await record.compare()
                await record.note_success()
                compared = monotonic()

    async def _record(
        self, publication: Publication, checkpoint: Checkpoint, record: BusRecord
    ) -> None:
        published = await publication.task
        position = publication.page[-1].position
        if not await record.advance(checkpoint, position, published, publication.begun):
            raise LossFound
        took("relay", [event.recorded_at for event in publication.page])
        record_published(publication.page, publication.began)


def _before(refused: EventTooLarge, page: Page) -> Page:
    return [event for event in page if event.position < refused.position]
