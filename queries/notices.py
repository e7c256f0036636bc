"""Follow what has become final for a customer's orders, from any position of the log.

The notices are derived from the log, as the mails are, and are stored nowhere. So a subscriber that
was away misses none, whether or not a channel of notifications is on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Self, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.inventory.events import BackorderQueued
from domain.order.decide import ORDER
from domain.order.events import OrderCreated
from domain.shipping.decide import SHIPMENT
from domain.shipping.events import TrackingNumberAssigned
from eventstore.envelope import StoredEvent
from eventstore.protocol import EventStore
from kit.recent import SharedReads
from notifications.facts import ONCE_PER_ORDER, TYPES, Notice, notice_of
from notifications.follower import order_of
from notifications.mail.content import Facts
from queries.customer_events import CustomerEvents
from queries.feed import QUEUE_LIMIT, FeedClosed, FellBehind, Listener, LiveFeed
from queries.updates import MAX_SHARED_READS, Lagged


@dataclass(frozen=True)
class CustomerNotice:
    """A final fact for the customer of an order, one object for all subscribers."""

    event_id: UUID
    position: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class NoticesStart:
    """The first message of a subscriber without a position: only notices above it follow."""

    position: int


NoticeMessage = CustomerNotice | NoticesStart | Lagged


class CustomerNotices:
    def __init__(self, store: EventStore, feed: LiveFeed, events: CustomerEvents) -> None:
        """`feed` gives the events of TYPES, by the customer of their order."""
        self._store = store
        self.feed = feed
        self._events = events
        self._reads: SharedReads[int, CustomerNotice | None] = SharedReads(MAX_SHARED_READS)

    @classmethod
    def over(cls, store: EventStore, engine: AsyncEngine, queue_limit: int = QUEUE_LIMIT) -> Self:
        """Read from the database of this store and this engine."""
        events = CustomerEvents(engine)
        feed = LiveFeed(
            store,
            types=TYPES,
            route=events.customers,
            name="live-notices",
            queue_limit=queue_limit,
        )
        return cls(store, feed, events)

    async def follow(
        self, customer_id: str, after: int | None, /
    ) -> AsyncGenerator[NoticeMessage, None]:
        """Yield the customer's notices above `after`; or a start, and the notices above it.

        Ends after a Lagged, and when the process shuts down. Raises PositionLost when a failover or
        a restore has lost events up to `after`, or the next ones.
        """
        if after is not None:
            await self._store.check_position(after)
        async with self.feed.listen([customer_id]) as listener:
            # At and below the seam every event can be read, and the listener receives those above:
            # see OrderUpdates.follow().
            seam = max(listener.start, await self._store.safe_head())
            if after is None:
                # Not the seam: it would reveal how the whole log grows.
                yield NoticesStart(await self._newest(customer_id, seam))
            else:
                async for notice in self._past(customer_id, after, seam):
                    yield notice
            async for message in self._live(listener, max(seam, after or 0)):
                yield message

    async def _newest(self, customer_id: str, seam: int) -> int:
        """Return the position of the customer's last notice, or 0."""
        until = seam
        while events := await self._events.before(customer_id, until):
            for stored in events:
                if await self._read(stored):
                    return stored.position
            until = events[-1].position - 1
        return 0

    async def _past(self, customer_id: str, after: int, seam: int) -> AsyncIterator[CustomerNotice]:
        while events := await self._events.after(customer_id, after, seam):
            for stored in events:
                if notice := await self._read(stored):
                    yield notice
            after = events[-1].position

    async def _live(self, listener: Listener, position: int) -> AsyncIterator[NoticeMessage]:
        while True:
            try:
                stored = await listener.next()
            except FellBehind:
                yield Lagged(position)
                return
            except FeedClosed:
                return
            if stored.position > position:
                notice = await self._reads.read(stored.position, partial(self._read, stored))
                if notice is not None:
                    yield notice
                    position = stored.position

    async def _read(self, stored: StoredEvent) -> CustomerNotice | None:
        """Return the notice of this event, or None: it is no final fact, or was said before."""
        event = stored.decode()
        kind = notice_of(event)
        if kind is None or not await self._is_new(stored, kind, order_of(event)):
            return None
        order = await self._store.load_events(ORDER.stream(order_of(event)))
        facts = Facts(
            kind,
            cast("OrderCreated", order[0].decode()),
            order[0].recorded_at,
            event,
            stored.recorded_at,
            await self._tracking(order_of(event)) if kind is Notice.SHIPPED else None,
        )
        return CustomerNotice(stored.event_id, stored.position, facts)

    async def _is_new(self, stored: StoredEvent, kind: Notice, order_id: str) -> bool:
        """Return whether no earlier event of the order has said the same."""
        if kind not in ONCE_PER_ORDER:
            return True
        if stored.type == BackorderQueued.__name__:
            return await self._events.is_first_backorder(order_id, stored.position)
        stream = await self._store.load_events(stored.stream_id)
        earlier = [each.decode() for each in stream if each.version < stored.version]
        return kind not in map(notice_of, earlier)

    async def _tracking(self, order_id: str) -> TrackingNumberAssigned | None:
        shipment = await self._store.load_events(SHIPMENT.stream(order_id))
        found = [s.decode() for s in shipment if s.type == TrackingNumberAssigned.__name__]
        return cast("TrackingNumberAssigned", found[-1]) if found else None
