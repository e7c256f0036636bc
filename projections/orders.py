from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from domain.order import events as e
from domain.order.lines import OrderLine
from domain.order.state import status_after
from eventstore.envelope import StoredEvent
from projections.change import Appended, Change, insert, update
from projections.projection import Inline, events_of
from projections.tables import order_view

LINES = TypeAdapter(tuple[OrderLine, ...])


def apply(event: e.OrderEvent, stored: StoredEvent) -> Sequence[Change]:
    if isinstance(event, e.OrderCreated):
        return [_created(event, stored)]
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


ORDERS: Final = Inline("orders", 1, [order_view], events_of(e.OrderEvent), apply)
