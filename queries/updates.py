"""Follow one order from any position of the log, without a gap and without a repeat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from domain.order.decide import ORDER
from domain.payment.decide import PAYMENT
from domain.shipping.decide import SHIPMENT
from eventstore.envelope import StoredEvent
from eventstore.protocol import EventStore
from kit.recent import SharedReads
from queries.feed import FeedClosed, FellBehind, Listener, LiveFeed
from queries.order_view import OrderView
from queries.orders import OrderQueries


@dataclass(frozen=True, slots=True)
class Update:
    """An event of the order, and the current order, which may be later than the event.

    `event_type` is None for the state that a watcher starts from.
    """

    order: OrderView
    event_type: str | None
    position: int


@dataclass(frozen=True, slots=True)
class Lagged:
    """The last update: the watcher was too slow. It has received everything up to `position`."""

    position: int


def streams_of(order_id: str) -> tuple[str, ...]:
    return tuple(aggregate.stream(order_id) for aggregate in (ORDER, PAYMENT, SHIPMENT))


MAX_SHARED_READS: Final = 256


T_co = TypeVar("T_co", covariant=True)


class Follows(Protocol[T_co]):
    """Follows an order, or the orders of a customer, after a position of the log."""

    def follow(self, subject_id: str, after: int | None, /) -> AsyncGenerator[T_co, None]: ...


class OrderUpdates:
    def __init__(self, store: EventStore, feed: LiveFeed, orders: OrderQueries) -> None:
        self._store = store
        self._feed = feed
        self._orders = orders
        self._reads: SharedReads[int, Update | None] = SharedReads(MAX_SHARED_READS)

    async def follow(
        self, order_id: str, after: int | None
    ) -> AsyncGenerator[Update | Lagged, None]:
        """Yield the order's events above `after`, or its current state and then its events.

        Ends after a Lagged, when the process shuts down, and for an order that does not exist.
        Raises PositionLost when a failover or a restore has lost events up to `after`, or the next
        ones.
        """
        if after is not None:
            await self._store.check_position(after)
        async with self._feed.listen(streams_of(order_id)) as listener:
            # The seam: at and below it every event can be read. Above it the listener receives
            # every event, because it was registered first. The safe head alone may be below the
            # start.
            seam = max(listener.start, await self._store.safe_head())
            if after is None:
                if (order := await self._orders.get(order_id)) is None:
                    return
                # Not the seam when that is later: it would reveal how the whole log grows.
                yield Update(order, None, min(seam, order.position))
            else:
                async for update in self._past(order_id, after, seam):
                    yield update
            async for notification in self._live(order_id, listener, max(seam, after or 0)):
                yield notification

    async def _past(self, order_id: str, after: int, seam: int) -> AsyncIterator[Update]:
        events = [e for s in streams_of(order_id) for e in await self._store.load_events(s)]
        for event in sorted(events, key=lambda event: event.position):
            if after < event.position <= seam and (update := await self._update(order_id, event)):
                yield update

    async def _live(
        self, order_id: str, listener: Listener, position: int
    ) -> AsyncIterator[Update | Lagged]:
        newest = 0
        while True:
            try:
                event = await listener.next()
            except FellBehind:
                yield Lagged(position)
                return
            except FeedClosed:
                return
            if event.position > position and (
                update := await self._shared(order_id, event, newest)
            ):
                yield update
                position, newest = event.position, update.order.position

    async def _shared(self, order_id: str, event: StoredEvent, newest: int) -> Update | None:
        """Read the order once for all listeners that receive this event.

        A slow watcher may have seen a later state of the order, `newest`. It never goes back.
        """
        update = await self._reads.read(event.position, lambda: self._update(order_id, event))
        if update is not None and update.order.position < newest:
            return await self._update(order_id, event)
        return update

    async def _update(self, order_id: str, event: StoredEvent) -> Update | None:
        order = await self._orders.get(order_id)
        return None if order is None else Update(order, event.type, event.position)
