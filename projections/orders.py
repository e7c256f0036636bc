from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from domain.order import events as e
from domain.order.lines import OrderLine, ReturnedLine
from domain.order.state import KEEPING_STATUS, status_after
from eventstore.envelope import StoredEvent
from projections.change import Appended, Change, insert, update
from projections.projection import Inline, events_of
from projections.tables import order_refund, order_view

LINES = TypeAdapter(tuple[OrderLine, ...])
RETURNED_LINES = TypeAdapter(tuple[ReturnedLine, ...])


def apply(event: e.OrderEvent, stored: StoredEvent) -> Sequence[Change]:
    if isinstance(event, e.OrderCreated):
        return [_created(event, stored)]
    if isinstance(event, KEEPING_STATUS):
        # The order has been in its status for as long as before: `updated_at` stays.
        return [
            _refund(event, stored),
            update(order_view, event.order_id, position=stored.position),
        ]
    changed: dict[str, object] = {}
    match event:
        case e.OrderReturned():
            changed = {"refunds": Appended(event.refund.model_dump_json())}
        case e.OrderRejected() | e.OrderCancellationRequested():
            changed = {"reason": event.reason}
        case e.OrderCancellationWithdrawn():
            changed = {"reason": None}
    return [
        update(
            order_view,
            event.order_id,
            status=status_after(event),
            updated_at=stored.recorded_at,
            position=stored.position,
            # Any other event of the order ends a return under way.
            return_requested=isinstance(event, e.OrderReturnRequested | e.OrderReturnResumed),
            **changed,
        )
    ]


def _created(event: e.OrderCreated, stored: StoredEvent) -> Change:
    return insert(
        order_view,
        event.order_id,
        status=status_after(event),
        placed_at=stored.recorded_at,
        updated_at=stored.recorded_at,
        placed_position=stored.position,
        position=stored.position,
        customer_id=event.customer_id,
        currency=event.total.currency,
        total=event.total.amount,
        lines=LINES.dump_json(event.lines).decode(),
        fingerprint=event.fingerprint,
        number=event.number,
        promises=event.promises.model_dump_json(),
        reference=event.reference,
        # Without metadata the row is in no index of it.
        metadata=json.dumps(event.metadata) if event.metadata else None,
        price=event.price.model_dump_json(),
        discount_code=event.discount_code,
    )


def _refund(event: e.OrderRefundRequested | e.OrderRefundEnded, stored: StoredEvent) -> Change:
    key = (event.order_id, event.refund)
    if isinstance(event, e.OrderRefundEnded):
        return update(
            order_refund,
            key,
            refunded=event.refunded.amount,
            ended_at=stored.recorded_at,
            position=stored.position,
        )
    return insert(
        order_refund,
        key,
        currency=event.amount.currency,
        amount=event.amount.amount,
        price=None if event.price is None else event.price.model_dump_json(),
        lines=RETURNED_LINES.dump_json(event.lines).decode(),
        reason=event.reason,
        key=event.key,
        requested_by=stored.metadata.actor,
        requested_at=stored.recorded_at,
        position=stored.position,
    )


ORDERS: Final = Inline("orders", 1, [order_view, order_refund], events_of(e.OrderEvent), apply)
