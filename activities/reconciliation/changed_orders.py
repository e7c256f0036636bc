"""Find the orders that have changed since they were last compared."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from domain.order import events as order
from domain.payment import events as payment
from domain.shipping import events as shipment
from eventstore.checkpoint import COMPARED, Checkpoint
from eventstore.protocol import EventStore
from kit.pool import Pool

CHECKPOINT: Final = COMPARED
MAX_EVENTS_READ: Final = 2000

TYPES: Final = tuple(
    event.__name__
    for event in (
        order.OrderCancelled,
        order.OrderCompleted,
        order.OrderRejected,
        order.OrderReturned,
        order.OrderReturnLapsed,
        order.OrderReturnResumed,
        payment.PaymentPending,
        payment.PaymentAuthorized,
        payment.PaymentDeclined,
        payment.PaymentHoldEnded,
        payment.PaymentCaptured,
        payment.PaymentRefunded,
        payment.PaymentRefundFailed,
        payment.PaymentRefundedElsewhere,
        payment.PaymentRefundElsewhereFailed,
        payment.PaymentDisputeClosed,
        payment.PaymentSettledByOperator,
        payment.PaymentVoided,
        shipment.ShipmentCreated,
        shipment.ShipmentDispatched,
        shipment.ShipmentDelivered,
        shipment.ShipmentCancelled,
        shipment.ShipmentStopped,
        shipment.ShipmentLost,
        shipment.ShipmentReturnedToSender,
    )
)
"""The events after which the provider's records must agree with the log."""

_CLOCK: Final = "SELECT clock_timestamp()"


class ChangedOrders:
    """Select at most `limit` orders in each run, so that the providers are not overloaded.

    Without a checkpoint it starts at the end of the log. Earlier changes are old, and reading all
    of them would delay the new ones for days.

    `grace` is how long a step may take from a provider's records into the log.
    """

    def __init__(self, pool: Pool, store: EventStore, grace: timedelta, limit: int) -> None:
        self._pool = pool
        self._store = store
        self._limit = limit
        self.grace = grace

    async def since_last_run(self) -> tuple[list[str], int]:
        """Return the orders with a change older than the grace, and the position read up to."""
        head = await self._store.safe_head()
        async with self._pool.acquire() as connection:
            position = (await Checkpoint.read(connection, CHECKPOINT, beginning=head)).position
            now: datetime = await connection.fetchval(_CLOCK)
        orders: dict[str, None] = {}
        events = await self._store.load_all_events(position, MAX_EVENTS_READ, types=TYPES)
        for event in events:
            is_full = len(orders) == self._limit and event.aggregate_id not in orders
            # An event from the future was recorded by a clock that has been set back since. Its age
            # is unknown, and waiting for the clock would delay all later events.
            if is_full or now - self.grace < event.recorded_at <= now:
                return list(orders), position
            orders[event.aggregate_id] = None
            position = event.position
        if len(events) < MAX_EVENTS_READ:
            position = max(position, head)  # no other event up to there is of these types
        return list(orders), position

    async def done(self, position: int) -> None:
        async with self._pool.acquire() as connection:
            checkpoint = await Checkpoint.read(connection, CHECKPOINT)
            await checkpoint.advance(max(position, checkpoint.position))
