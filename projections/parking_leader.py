"""Take the events of the log in order, and park those that fail for good with their streams.

A leader is the one process that does this for a projection or for a channel of notifications. What
it writes and its checkpoint change in one transaction. The checkpoint is the fence: a leader that
was stopped, and continues after another has taken over, cannot advance it, and so writes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Final

from eventstore.checkpoint import Checkpoint
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.protocol import EventStore
from kit.pool import Connection
from observability.work import took
from projections.parked import ParkedEvents
from projections.poison import cause_of, is_poison

PAUSES: Final = (0.05, 0.2, 1.0)
"""The seconds before each repetition of an event that fails; after the last one it is parked."""
MAX_PARKED_STREAMS: Final = 100
"""With more parked streams, the events are not the cause: the leader stops and says so."""

logger = logging.getLogger(__name__)


class ParkingLeader(ABC):
    """`name` is how the log of the process, and the metrics, call it."""

    def __init__(
        self,
        connection: Connection,
        store: EventStore,
        *,
        name: str,
        checkpoint: str,
        types: Collection[str],
    ) -> None:
        self._connection = connection
        self._store = store
        self._name = name
        self._checkpoint_name = checkpoint
        self._types = types
        self._parked = ParkedEvents(connection, checkpoint)

    @abstractmethod
    async def _write(self, events: Sequence[StoredEvent]) -> None:
        """Write what the events change, in the transaction of the caller."""

    @abstractmethod
    def _stuck(self, streams: int) -> EventStoreError:
        """Return the error that says what to do about so many parked streams."""

    async def _beginning(self) -> int:
        """Return the position after which the first leader of all begins."""
        return 0

    async def start(self) -> None:
        """Read the state, and take parked events again: the code of this process may take them."""
        beginning = await self._beginning()
        self._checkpoint = await Checkpoint.read(self._connection, self._checkpoint_name, beginning)
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
            self.position, 1, types=self._types
        ):
            await self._checkpoint.advance(head)

    async def _apply(self, page: Sequence[StoredEvent]) -> None:
        streams = self._parked.streams
        async with self._connection.transaction():
            await self._parked.hold([s for s in page if s.stream_id in streams])
            await self._write([s for s in page if s.stream_id not in streams])
            await self._checkpoint.advance(page[-1].position)
        took(self._name, [s.recorded_at for s in page])

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
            raise self._stuck(MAX_PARKED_STREAMS) from error
        async with self._connection.transaction():
            await self._parked.park(stored, cause_of(error), len(PAUSES) + 1)
            await self._checkpoint.advance(stored.position)
        logger.error(
            "%s: stream %s is parked at position %d: %s",
            *(self._name, stored.stream_id, stored.position, cause_of(error)),
        )

    async def _redrive(self, stream_id: str) -> None:
        positions = await self._parked.positions(stream_id)
        for stored in await self._store.load_events(stream_id):
            if stored.position in positions and not await self._retake(stored):
                return
        self._parked.streams.discard(stream_id)

    async def _retake(self, stored: StoredEvent) -> bool:
        """Take a parked event, and return whether that succeeded."""
        try:
            async with self._connection.transaction():
                await self._write([stored])
                await self._parked.release(stored)
                await self._checkpoint.advance(self.position)
        except Exception as error:
            if not is_poison(error):
                raise
            await self._parked.failed_again(stored, cause_of(error))
            return False
        return True
