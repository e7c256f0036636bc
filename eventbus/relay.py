"""Carries the log to the bus, from where it was the last time."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final, NoReturn

from eventbus.bus import EventBus
from eventbus.nats import is_bus_away
from eventstore.checkpoint import Checkpoint
from eventstore.errors import EventStoreError
from eventstore.leadership import leading
from eventstore.pool import Pool
from eventstore.protocol import EventStore
from eventstore.restart import is_database_away, restarting

NAME: Final = "relay"


def _is_away(error: BaseException) -> bool:
    """A fault of the log itself waits for an operator, and readiness names it."""
    return is_database_away(error) or is_bus_away(error) or isinstance(error, EventStoreError)


class Relay:
    """Runs in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(self, pool: Pool, store: EventStore, bus: EventBus) -> None:
        self._pool = pool
        self._store = store
        self._bus = bus

    async def run(self) -> NoReturn:
        """Until cancelled. Whatever fails is begun again from the checkpoint."""
        await restarting("relaying the log", self._lead, _is_away)

    async def _lead(self) -> None:
        async with leading(self._pool, NAME) as connection:
            checkpoint = await Checkpoint.read(connection, NAME)
            async with aclosing(self._store.follow(checkpoint.position)) as pages:
                async for page in pages:
                    await self._bus.publish(*page)
                    await checkpoint.advance(page[-1].position)
