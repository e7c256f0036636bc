"""The orders whose books may have changed since they were last compared."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from domain.order import events as order
from domain.payment import events as payment
from domain.shipping import events as shipment
from eventstore.checkpoint import Checkpoint
from eventstore.pool import Pool
from eventstore.protocol import EventStore

CHECKPOINT: Final = "reconciliation.books"
EVENTS_AT_MOST: Final = 2000

TYPES: Final = tuple(
    event.__name__
    for event in (
        order.OrderCancelled,
        order.OrderCompleted,
        order.OrderRejected,
        order.OrderReturned,
        payment.PaymentPending,
        payment.PaymentAuthorized,
        payment.PaymentDeclined,
        payment.PaymentCaptured,
        payment.PaymentRefunded,
        payment.PaymentVoided,
        shipment.ShipmentCreated,
        shipment.ShipmentDispatched,
        shipment.ShipmentDelivered,
        shipment.ShipmentCancelled,
        shipment.ShipmentLost,
    )
)
"""After which a provider's book must say the same."""

_CLOCK: Final = "SELECT clock_timestamp()"
_AT_ODDS: Final = """
    SELECT order_id FROM (SELECT DISTINCT order_id FROM readmodel.saga_difference) AS d
    ORDER BY random()
    LIMIT $1
"""


class ChangedOrders:
    """At most `limit` a run, so that the providers are not asked more than they like.

    `grace`: how long a step may be on its way from a provider's book into the log.
    """

    def __init__(self, pool: Pool, store: EventStore, grace: timedelta, limit: int) -> None:
        self._pool = pool
        self._store = store
        self._limit = limit
        self.grace = grace

    async def since_last_run(self) -> tuple[list[str], int]:
        """Those with a change older than the grace, and how far the log has been read for them."""
        async with self._pool.acquire() as connection:
            position = (await Checkpoint.read(connection, CHECKPOINT)).position
            now: datetime = await connection.fetchval(_CLOCK)
        orders: dict[str, None] = {}
        for event in await self._store.load_all_events(position, EVENTS_AT_MOST, types=TYPES):
            is_full = len(orders) == self._limit and event.aggregate_id not in orders
            if is_full or event.recorded_at > now - self.grace:
                break
            orders[event.aggregate_id] = None
            position = event.position
        return list(orders), position

    async def done(self, position: int) -> None:
        async with self._pool.acquire() as connection:
            checkpoint = await Checkpoint.read(connection, CHECKPOINT)
            await checkpoint.advance(max(position, checkpoint.position))

    async def at_odds(self) -> list[str]:
        """Orders with a difference on record; each has its turn, however many there are."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_AT_ODDS, self._limit)
        return [row[0] for row in rows]
