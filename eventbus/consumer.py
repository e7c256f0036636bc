"""Handle the messages of one subscription: the engine, which is the same for all brokers.

The messages of a partition are handled in their order, in one transaction for a batch. The
transaction first records the events' ids, which waits for every other transaction that takes the
same ones. Then it looks for letters of their keys. So another process that is taken for dead can
neither repeat an effect nor handle a key's messages out of order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

from eventbus import inbox, letters
from eventbus.bus import Consumption, Handler
from eventbus.causes import cause_of
from eventbus.received import Received
from eventbus.retries import HANDLER_TIMEOUT, Retries
from eventbus.routing import Subscription
from eventbus.source import Deliveries, Message, Source
from eventbus.tracing import handling
from kit.pool import Connection, Pool
from kit.restart import ServerAway, restarting
from kit.tasks import together
from observability.work import took

BATCHES_AT_ONCE: Final = 4
"""The partitions whose messages are handled at the same time, each over a connection."""

_CHECK: Final = "SELECT"
"""It fails in a transaction that a handler has broken without an error."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Attempt:
    at: int = 0
    """The index of the message that is being handled."""


class Consumer:
    def __init__(
        self,
        pool: Pool,
        source: Source,
        subscription: Subscription,
        handler: Handler,
        consumption: Consumption,
    ) -> None:
        self._pool = pool
        self._source = source
        self._subscription = subscription
        self._group = subscription.group
        self._handler = handler
        self._consumption = consumption

    async def run(self) -> NoReturn:
        """Run until cancelled. After a fault it starts again from what the group has done."""
        retries = Retries(self._pool, self._group, self._handler)
        await together(
            restarting(f"consumer group {self._group}", self._follow),
            restarting(f"dead letters of group {self._group}", retries.run),
        )
        raise AssertionError  # both run until they are cancelled

    async def _follow(self) -> None:
        async with self._source.deliveries(self._group) as deliveries:
            batches, turn = aiter(deliveries), asyncio.Lock()
            await together(*(self._work(deliveries, batches, turn) for _ in range(BATCHES_AT_ONCE)))

    async def _work(
        self, deliveries: Deliveries, batches: AsyncIterator[Sequence[Message]], turn: asyncio.Lock
    ) -> None:
        while True:
            async with turn:
                batch = await anext(batches)
            await self.take(batch)
            await deliveries.done(batch)

    async def take(self, batch: Sequence[Message]) -> None:
        """Handle the messages of one partition, in their order; none is left when it returns.

        A message that fails becomes a letter. Raises ServerAway, and errors of a database that
        cannot store a letter.
        """
        wanted = [Received.of(message) for message in batch if self._may_want(message)]
        await self._take([received for received in wanted if self._wants(received)])

    def _may_want(self, message: Message) -> bool:
        wanted, event_type = self._subscription, message.event_type
        if event_type is not None and not wanted.takes(message.category, event_type):
            return False
        # The bus in memory makes the headers only when they are read.
        return not wanted.filters or wanted.takes_headers(message.headers)

    def _wants(self, received: Received) -> bool:
        event = received.event
        return event is None or self._subscription.takes(event.category, event.type)

    async def _take(self, batch: Sequence[Received]) -> None:
        """Handle all in one transaction. If one fails, handle it alone, between the others."""
        while batch:
            attempt = _Attempt()
            try:
                await self._handle(batch, attempt)
            except ServerAway:
                raise
            except Exception as error:  # noqa: BLE001 - a handler may raise anything
                if len(batch) == 1:
                    await self._store(batch[0], cause_of(error))
                    return
                await self._take(batch[: attempt.at])
                await self._take(batch[attempt.at : attempt.at + 1])
                batch = batch[attempt.at + 1 :]
            else:
                return

    async def _handle(self, batch: Sequence[Received], attempt: _Attempt) -> None:
        async with (
            self._pool.acquire() as connection,
            asyncio.timeout(HANDLER_TIMEOUT.total_seconds()),
            connection.transaction(),
        ):
            handled: list[datetime] = []
            ids = [received.id for received in batch]
            new = await inbox.remember(connection, self._group, ids)
            blocked = await self._blocked(connection, batch) if new else set()
            waiting = []
            for at, received in enumerate(batch):
                attempt.at = at
                if received.id not in new:
                    continue
                new.remove(received.id)  # the broker may have kept the event twice
                if received.key in blocked:
                    waiting.append(received)
                else:
                    event = received.require_event()
                    with handling(event, self._group):
                        await self._handler(connection, event)
                    handled.append(event.recorded_at)
            if waiting:
                await letters.hold(connection, self._group, waiting)
            await connection.execute(_CHECK)
        took(f"group {self._group}", handled)

    async def _blocked(self, connection: Connection, batch: Sequence[Received]) -> set[str]:
        if not self._consumption.ordered:
            return set()
        return await letters.blocked(connection, self._group, [r.key for r in batch])

    async def _store(self, failed: Received, cause: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if await inbox.remember(connection, self._group, [failed.id]):
                await letters.store(connection, self._group, failed, cause)
                logger.warning("group %s cannot handle %s: %s", self._group, failed.id, cause)
