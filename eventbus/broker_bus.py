"""An EventBus over a broker: its publisher, and the consumers of its source."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from eventbus.bus import IN_ORDER, Consumption, Handler, Holdings, Published, Publisher
from eventbus.consumer import Consumer
from eventbus.routing import BadSubscription, Pattern, Subscription
from eventbus.source import Source
from eventstore.envelope import StoredEvent
from kit.pool import Pool

CLOSE_TIMEOUT: Final = timedelta(seconds=0.8)

logger = logging.getLogger(__name__)


class Consuming(NamedTuple):
    subscription: Subscription
    handler: Handler
    task: asyncio.Task[None]


class BrokerBus:
    """An EventBus. The pool is for its consumers: each of them uses up to seven connections."""

    def __init__(self, pool: Pool, publisher: Publisher, source: Source) -> None:
        self._pool = pool
        self._publisher = publisher
        self._source = source
        self._consuming: dict[str, Consuming] = {}

    def require_room(self, events: Sequence[StoredEvent]) -> None:
        self._publisher.require_room(events)

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        return await self._publisher.publish(events)

    async def holdings(self) -> Holdings:
        return await self._publisher.holdings()

    async def oldest_position(self) -> int | None:
        return await self._publisher.oldest_position()

    async def subscribe(
        self,
        pattern: str,
        handler: Handler,
        *,
        group: str,
        filters: Mapping[str, str] | None = None,
        consumption: Consumption = IN_ORDER,
    ) -> None:
        subscription = Subscription.of(group, pattern, filters)
        if group in self._consuming:
            raise BadSubscription(f"group {group} has a subscription in this process already")
        consumer = Consumer(self._pool, self._source, subscription, handler, consumption)
        task = asyncio.create_task(consumer.run(), name=f"consumer group {group}")
        self._consuming[group] = Consuming(subscription, handler, task)

    async def unsubscribe(self, pattern: str, handler: Handler) -> None:
        wanted = Pattern.parse(pattern)
        ended = [
            consuming
            for consuming in self._consuming.values()
            if consuming.subscription.pattern == wanted and consuming.handler == handler
        ]
        if not ended:
            raise BadSubscription(f"there is no subscription of this handler to {wanted}")
        await self._end(ended)

    async def close(self) -> None:
        await self._end(list(self._consuming.values()))
        await self._publisher.aclose()

    async def aclose(self) -> None:
        await self.close()

    async def _end(self, ended: Sequence[Consuming]) -> None:
        for consuming in ended:
            del self._consuming[consuming.subscription.group]
            consuming.task.cancel()
        if ended:
            tasks = [consuming.task for consuming in ended]
            _, late = await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT.total_seconds())
            for task in late:
                logger.warning("%s does not end in time", task.get_name())
