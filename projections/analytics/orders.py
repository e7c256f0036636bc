"""Count the events of an order's own stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from domain.event import Event
from domain.order import events as e
from domain.order.commands import RejectionReason
from eventstore.envelope import StoredEvent
from projections.analytics.counting import Breakdown, Lasting, detail, lasted, total
from projections.analytics.tables import REACHED, analytics_order
from projections.change import Change, Row, upsert

_STAGES: Final[dict[type[Event], int]] = {
    e.OrderReserved: 1,
    e.OrderAuthorized: 2,
    e.OrderConfirmed: 3,
    # The parcel has left before its dispatch is recorded: the order continues as confirmed.
    e.OrderCancellationWithdrawn: 3,
    e.OrderShipped: 4,
    e.OrderDelivered: 5,
    e.OrderCompleted: 6,
}

EVENTS: Final[Sequence[type[Event]]] = (
    e.OrderCreated,
    *_STAGES,
    e.OrderRejected,
    e.OrderCancelled,
    e.OrderReturnRequested,
    e.OrderReturned,
    e.OrderReturnLapsed,
)


def changes(event: e.OrderEvent, stored: StoredEvent, row: Row | None) -> Iterator[Change]:
    """Yield the changes, given the row of the order as its earlier events have left it."""
    if isinstance(event, e.OrderCreated):
        yield from _placed(event, stored)
    elif row is not None and row["placed_at"] is not None:
        if stage := _STAGES.get(type(event)):
            yield from _reached(event.order_id, stage, row)
        yield from _happened(event, stored, row["currency"])
        if outcome := _outcome(event):
            duration = stored.recorded_at - row["placed_at"]
            yield from lasted(outcome, stored.recorded_at, row["currency"], duration)


def _placed(event: e.OrderCreated, stored: StoredEvent) -> Iterator[Change]:
    at, total_price = stored.recorded_at, event.total
    currency = total_price.currency
    yield upsert(analytics_order, event.order_id, currency=currency, placed_at=at)
    yield from total(at, currency, placed=1, placed_amount=total_price.amount)
    for line in event.lines:
        counted = {"count": line.quantity, "amount": line.total - line.discount}
        yield from detail(Breakdown.PRODUCT, at, currency, line.sku, **counted)


def _reached(order_id: str, stage: int, row: Row) -> Iterator[Change]:
    """Count the order once in each stage up to this one, in the span in which it was placed."""
    if stage > row["stage"]:
        yield upsert(analytics_order, order_id, stage=stage)
        passed = REACHED[row["stage"] : stage]
        yield from total(row["placed_at"], row["currency"], **dict.fromkeys(passed, 1))


def _happened(event: e.OrderEvent, stored: StoredEvent, currency: str) -> Iterator[Change]:
    at = stored.recorded_at
    match event:
        case e.OrderCompleted():
            yield from total(at, currency, completed=1)
        case e.OrderRejected():
            is_short = event.reason is RejectionReason.OUT_OF_STOCK
            yield from total(at, currency, rejected=1, stock_outs=int(is_short))
            yield from detail(Breakdown.REJECTION, at, currency, event.reason)
        case e.OrderCancelled():
            yield from total(at, currency, cancelled=1)
            yield from detail(Breakdown.CANCELLATION, at, currency, event.reason)
        case e.OrderReturnRequested():
            yield from total(at, currency, returns_requested=1)
        case e.OrderReturnLapsed():
            yield from total(at, currency, returns_lapsed=1)
        case e.OrderReturned():
            yield from total(at, currency, returned=1, returned_whole=int(event.is_whole))


def _outcome(event: e.OrderEvent) -> Lasting | None:
    match event:
        case e.OrderCompleted():
            return Lasting.COMPLETED
        case e.OrderCancelled():
            return Lasting.CANCELLED
        case e.OrderRejected():
            return Lasting.REJECTED
        case e.OrderReturned(is_whole=True):
            return Lasting.RETURNED
        case _:
            return None
