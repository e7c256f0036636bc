"""Send webhooks to all endpoints of which this process has a share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, NoReturn
from uuid import UUID

from eventstore.errors import EventStoreError
from eventstore.privacy.keyring import Keyring
from eventstore.protocol import EventStore
from kit.faults import one_line
from kit.pool import Pool
from kit.restart import is_database_away, restarting
from kit.tasks import together
from notifications.webhooks.client import MAX_CONNECTIONS, WebhookClient
from notifications.webhooks.leader import Leader
from notifications.webhooks.leases import (
    RENEW_EVERY_SECONDS,
    RENEW_TIMEOUT_SECONDS,
    Leases,
    Led,
)
from notifications.webhooks.ledger import Ledger
from notifications.webhooks.sending import Sender

MAX_ACTIVE: Final = 64
"""The number of endpoints of this process whose events are in memory at the same time."""
LEAVE_TIMEOUT_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    revision: int
    leader: Leader
    task: asyncio.Task[None]


class Webhooks:
    """Run in every worker that has the role: the endpoints spread over the processes."""

    def __init__(self, pool: Pool, store: EventStore, keys: Keyring, client: WebhookClient) -> None:
        self._pool = pool
        self._store = store
        self._keys = keys
        self._client = client
        self._in_flight = asyncio.Semaphore(MAX_CONNECTIONS)
        self._turns = asyncio.Semaphore(MAX_ACTIVE)
        self._running: dict[UUID, _Running] = {}

    async def run(self) -> NoReturn:
        """Run until cancelled. After a fault of the database it starts again."""
        await restarting("webhooks", self._run, _may_restart)

    async def _run(self) -> None:
        leases = Leases(self._pool)
        try:
            await together(self._lead(leases), self._follow())
        finally:
            await self._stop(list(self._running))
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_TIMEOUT_SECONDS):
                    await leases.leave()

    async def _lead(self, leases: Leases) -> NoReturn:
        while True:
            async with asyncio.timeout(RENEW_TIMEOUT_SECONDS):
                led = await leases.renew()
            await self._agree(led, leases.member)
            await asyncio.sleep(RENEW_EVERY_SECONDS)

    async def _follow(self) -> None:
        """Wake the leaders whose endpoints take one of the new events."""
        async with aclosing(self._store.follow(await self._store.safe_head())) as pages:
            async for page in pages:
                kinds = {(event.category, event.type) for event in page}
                for running in self._running.values():
                    running.leader.notice(kinds)

    async def _agree(self, led: Sequence[Led], member: UUID) -> None:
        """Lead exactly these endpoints, each as the operators have changed it last."""
        wanted = {each.endpoint_id: each for each in led}
        over = [i for i, running in self._running.items() if _is_over(running, wanted.get(i))]
        await self._stop(over)
        for id_, each in wanted.items():
            if id_ not in self._running:
                self._running[id_] = self._started(each, member)
            elif each.is_due:
                self._running[id_].leader.wake()

    def _started(self, led: Led, member: UUID) -> _Running:
        ledger = Ledger(self._pool, self._keys, led.endpoint_id, member)
        sender = Sender(self._client, self._in_flight)
        leader = Leader(ledger, self._store, sender, self._turns)
        name = f"webhook {led.endpoint_id}"
        return _Running(led.revision, leader, asyncio.create_task(leader.run(), name=name))

    async def _stop(self, ids: Sequence[UUID]) -> None:
        """End these leaders. The fault of one that has ended is a line of the log."""
        stopped = [self._running.pop(id_) for id_ in ids]
        for running in stopped:
            running.task.cancel()
        faults = await asyncio.gather(*(r.task for r in stopped), return_exceptions=True)
        for running, fault in zip(stopped, faults, strict=True):
            if isinstance(fault, Exception):
                logger.warning("%s: %s", running.task.get_name(), one_line(fault))


def _is_over(running: _Running, led: Led | None) -> bool:
    return led is None or led.revision != running.revision or running.task.done()


def _may_restart(error: BaseException) -> bool:
    return is_database_away(error) or isinstance(error, EventStoreError | TimeoutError)
