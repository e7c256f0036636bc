from __future__ import annotations

from sqlalchemy import Executable, insert, update

from domain.order import events as e
from domain.order.state import status_after
from eventstore.envelope import StoredEvent
from projections.tables import order_view


def project(event: e.OrderEvent, stored: StoredEvent) -> Executable:
    if isinstance(event, e.OrderCreated):
        return insert(order_view).values(
            order_id=event.order_id,
            customer_id=event.customer_id,
            status=status_after(event),
            currency=event.total.currency,
            total=event.total.amount,
            lines=[line.model_dump() for line in event.lines],
            fingerprint=event.fingerprint,
            placed_at=stored.recorded_at,
            updated_at=stored.recorded_at,
            placed_position=stored.position,
            position=stored.position,
        )
    changes: dict[str, object] = {
        "status": status_after(event),
        "updated_at": stored.recorded_at,
        "position": stored.position,
    }
    if isinstance(event, e.OrderRejected | e.OrderCancellationRequested):
        changes["reason"] = event.reason
    elif isinstance(event, e.OrderCancellationWithdrawn):
        changes["reason"] = None
    return update(order_view).where(order_view.c.order_id == event.order_id).values(changes)
