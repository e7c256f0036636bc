"""Lead one endpoint: read its events, send them, and record what came of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from eventbus.routing import ANY, Pattern
from eventstore import cloudevents
from eventstore.envelope import StoredEvent
from eventstore.protocol import EventStore
from notifications.webhooks.delivery import Delivery, Endpoint
from notifications.webhooks.ledger import Batch, LedElsewhere, Ledger
from notifications.webhooks.sending import Sender

BATCH: Final = 32
"""The number of events that are read at a time, from the log and from the waiting ones."""
MAX_WAITING: Final = 500
"""With more waiting events, the endpoint gets no new ones: the log is their queue."""

logger = logging.getLogger(__name__)


class Leader:
    """Run until cancelled. It ends when another process or an operator has changed the endpoint."""

    def __init__(
        self, ledger: Ledger, store: EventStore, sender: Sender, turns: asyncio.Semaphore
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._sender = sender
        self._turns = turns
        self._woken = asyncio.Event()
        self._patterns: tuple[Pattern, ...] | None = None

    def wake(self) -> None:
        self._woken.set()

    def notice(self, kinds: Collection[tuple[str, str]]) -> None:
        """Wake if the log has an event of the endpoint: kinds are categories and types."""
        patterns = self._patterns
        if patterns is None or any(_is_of(p, *kind) for p in patterns for kind in kinds):
            self.wake()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            async with self._turns:
                try:
                    has_more = await self.step()
                except LedElsewhere:
                    return
            if not has_more:
                await self._woken.wait()

    async def step(self) -> bool:
        """Send one batch, and return whether there may be more at once. Raises LedElsewhere."""
        endpoint = await self._ledger.endpoint()
        self._patterns = endpoint.choice.patterns
        if endpoint.is_lost:
            logger.error("webhook %s is disabled: the log has lost its position", endpoint.id)
            await self._ledger.disable(endpoint, "LOST")
            return False
        batch = await self._batch(endpoint)
        if not (batch.deliveries or batch.held) and batch.position == endpoint.position:
            return False
        sent = await self._sender.send(endpoint, batch.deliveries)
        await self._ledger.record(endpoint, batch, sent)
        return not sent.must_wait and (batch.has_more or bool(batch.deliveries or batch.held))

    async def _batch(self, endpoint: Endpoint) -> Batch:
        due = await self._ledger.due(endpoint, BATCH)
        is_probe = endpoint.failures > 0
        is_full = endpoint.waiting >= MAX_WAITING
        if endpoint.is_paused or is_full or (is_probe and any(not d.is_test for d in due)):
            return Batch(_probed(due) if is_probe else due, [], endpoint.position)
        fresh, position, has_more = await self._fresh(endpoint, 1 if is_probe else BATCH)
        waiting = await self._ledger.waiting_among([d.stream_id for d in fresh]) if fresh else set()
        free = [d for d in fresh if d.stream_id not in waiting]
        held = [d for d in fresh if d.stream_id in waiting]
        return Batch([*due, *free], held, position, has_more)

    async def _fresh(self, endpoint: Endpoint, limit: int) -> tuple[list[Delivery], int, bool]:
        """Return the next events above the cursor, the position up to which these are all, and
        whether there may be more."""
        choice, head = endpoint.choice, await self._store.safe_head()
        page = await self._store.load_all_events(
            endpoint.position, limit, types=choice.types, categories=choice.categories
        )
        last = page[-1].position if page else endpoint.position
        is_full = len(page) == limit
        fresh = [_fresh(event) for event in page if choice.takes(event)]
        return fresh, last if is_full else max(last, head), is_full


def _probed(due: list[Delivery]) -> list[Delivery]:
    """Return the test events, and the first other one: it shows whether the receiver is back."""
    others = [delivery for delivery in due if not delivery.is_test]
    return [*(delivery for delivery in due if delivery.is_test), *others[:1]]


def _fresh(event: StoredEvent) -> Delivery:
    return Delivery(
        event_id=event.event_id,
        stream_id=event.stream_id,
        position=event.position,
        event_type=event.type,
        body=cloudevents.encode(event),
        traceparent=event.metadata.traceparent,
        recorded_at=event.recorded_at,
    )


def _is_of(pattern: Pattern, category: str, event_type: str) -> bool:
    return pattern.category in {ANY, category} and pattern.type in {ANY, event_type}
