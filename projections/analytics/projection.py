"""Declare the analytics: a projection that follows the log.

Each stream that an event comes from has its own position in the rows of its order. An event at or
below it is a repetition and changes nothing. The streams of an order do not depend on each other:
when an event of one is parked, the others are counted, and it is counted later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from domain.inventory import events as inventory
from domain.order import events as order
from domain.payment import events as payment
from eventstore.envelope import StoredEvent
from projections.analytics import orders
from projections.analytics.counting import (
    NO_CURRENCY,
    Breakdown,
    Lasting,
    detail,
    lasted,
    total,
)
from projections.analytics.tables import (
    analytics_backorder,
    analytics_breakdown,
    analytics_change,
    analytics_duration,
    analytics_order,
    analytics_total,
)
from projections.change import Change, Given, Row, Step, upsert
from projections.projection import Following

BackorderEvent = inventory.BackorderQueued | inventory.BackorderEnded
PaymentEvent = (
    payment.PaymentRequested
    | payment.PaymentDeclined
    | payment.PaymentCaptured
    | payment.PaymentRefunded
    | payment.PaymentRefundFailed
    | payment.PaymentRefundedElsewhere
    | payment.PaymentRefundElsewhereFailed
)


def apply(
    event: order.OrderEvent | PaymentEvent | BackorderEvent, stored: StoredEvent
) -> Sequence[Step]:
    match event:
        case inventory.BackorderQueued() | inventory.BackorderEnded():
            key = (event.order_id, event.sku)
            return [Given(analytics_backorder, key, partial(_backorder, event, stored))]
        case (
            payment.PaymentRequested()
            | payment.PaymentDeclined()
            | payment.PaymentCaptured()
            | payment.PaymentRefunded()
            | payment.PaymentRefundFailed()
            | payment.PaymentRefundedElsewhere()
            | payment.PaymentRefundElsewhereFailed()
        ):
            return [Given(analytics_order, (event.order_id,), partial(_payment, event, stored))]
        case _:
            return [Given(analytics_order, (event.order_id,), partial(_order, event, stored))]


def _order(event: order.OrderEvent, stored: StoredEvent, row: Row | None) -> Sequence[Change]:
    if row is not None and row["order_position"] >= stored.position:
        return []
    return [
        _changed(stored),
        *orders.changes(event, stored, row),
        upsert(analytics_order, event.order_id, order_position=stored.position),
    ]


def _payment(event: PaymentEvent, stored: StoredEvent, row: Row | None) -> Sequence[Change]:
    if row is not None and row["payment_position"] >= stored.position:
        return []
    seen: dict[str, object] = {"payment_position": stored.position}
    if isinstance(event, payment.PaymentRequested):
        seen["payment_currency"] = event.amount.currency
    return [
        _changed(stored),
        *_paid(event, stored, row),
        upsert(analytics_order, event.order_id, **seen),
    ]


def _paid(event: PaymentEvent, stored: StoredEvent, row: Row | None) -> Iterator[Change]:
    at = stored.recorded_at
    match event:
        case payment.PaymentCaptured(amount=money):
            yield from total(at, money.currency, captured_amount=money.amount)
        case payment.PaymentRefunded(amount=money) | payment.PaymentRefundedElsewhere(amount=money):
            yield from total(at, money.currency, refunds=1, refunded_amount=money.amount)
        case (
            payment.PaymentRefundFailed(amount=money)
            | payment.PaymentRefundElsewhereFailed(amount=money)
        ):
            yield from total(at, money.currency, refunds=-1, refunded_amount=-money.amount)
        case payment.PaymentDeclined() if row is not None:
            currency = row["payment_currency"]
            yield from total(at, currency, declines=1)
            yield from detail(Breakdown.DECLINE, at, currency, event.code)


def _backorder(event: BackorderEvent, stored: StoredEvent, row: Row | None) -> Sequence[Change]:
    if row is not None and row["position"] >= stored.position:
        return []
    at = stored.recorded_at
    is_queued = isinstance(event, inventory.BackorderQueued)
    since = {"waits_since": at if is_queued else None, "position": stored.position}
    changes = [_changed(stored), upsert(analytics_backorder, (event.order_id, event.sku), **since)]
    if not is_queued and row is not None and row["waits_since"] is not None:
        duration = at - row["waits_since"]
        # Its order's currency is not known here, and a wait is no money.
        changes += lasted(Lasting.BACKORDER, at, NO_CURRENCY, duration)
    return changes


def _changed(stored: StoredEvent) -> Change:
    return upsert(analytics_change, 1, position=stored.position)


ANALYTICS: Final = Following(
    "analytics",
    1,
    [
        analytics_total,
        analytics_breakdown,
        analytics_duration,
        analytics_order,
        analytics_backorder,
        analytics_change,
    ],
    frozenset(
        {
            *orders.EVENTS,
            payment.PaymentRequested,
            payment.PaymentDeclined,
            payment.PaymentCaptured,
            payment.PaymentRefunded,
            payment.PaymentRefundFailed,
            payment.PaymentRefundedElsewhere,
            payment.PaymentRefundElsewhereFailed,
            inventory.BackorderQueued,
            inventory.BackorderEnded,
        }
    ),
    apply,
)
