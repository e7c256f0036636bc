from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from domain.order import events as e
from domain.order.lines import OrderLine
from domain.order.state import status_after
from eventstore.envelope import StoredEvent
from projections.change import Change

CREATED = """
    INSERT INTO readmodel.order_view
        (order_id, status, placed_at, updated_at, placed_position, position,
         customer_id, currency, total, lines, fingerprint, number, promises,
         reference, metadata, price, discount_code)
    VALUES ($1, $2, $3, $3, $4, $4, $5, $6, $7, $8, $9, $10, $11,
            $12, $13, $14, $15)
"""
# Any other event of the order ends a return under way.
MOVED = """
    UPDATE readmodel.order_view
    SET status = $2, updated_at = $3, position = $4, return_requested = false
    WHERE order_id = $1
"""
MOVED_WITH_REASON = """
    UPDATE readmodel.order_view
    SET status = $2, updated_at = $3, position = $4, return_requested = false, reason = $5
    WHERE order_id = $1
"""
RETURNED = """
    UPDATE readmodel.order_view
    SET status = $2, updated_at = $3, position = $4, return_requested = false,
        refunds = refunds || $5::jsonb
    WHERE order_id = $1
"""
RETURN_REQUESTED = """
    UPDATE readmodel.order_view
    SET status = $2, updated_at = $3, position = $4, return_requested = true
    WHERE order_id = $1
"""
LINES = TypeAdapter(tuple[OrderLine, ...])


def project(event: e.OrderEvent, stored: StoredEvent) -> Sequence[Change]:
    moved = (event.order_id, status_after(event), stored.recorded_at, stored.position)
    match event:
        case e.OrderCreated():
            lines = LINES.dump_json(event.lines).decode()
            total = event.total
            return [
                Change(
                    CREATED,
                    (
                        *moved,
                        event.customer_id,
                        total.currency,
                        total.amount,
                        lines,
                        event.fingerprint,
                        event.number,
                        event.promises.model_dump_json(),
                        event.reference,
                        # Without metadata the row is in no index of it.
                        json.dumps(event.metadata) if event.metadata else None,
                        event.price.model_dump_json(),
                        event.discount_code,
                    ),
                )
            ]
        case e.OrderReturned():
            return [Change(RETURNED, (*moved, event.refund.model_dump_json()))]
        case e.OrderRejected() | e.OrderCancellationRequested():
            return [Change(MOVED_WITH_REASON, (*moved, event.reason))]
        case e.OrderCancellationWithdrawn():
            return [Change(MOVED_WITH_REASON, (*moved, None))]
        case e.OrderReturnRequested():
            return [Change(RETURN_REQUESTED, moved)]
        case _:
            return [Change(MOVED, moved)]
