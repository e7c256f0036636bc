from __future__ import annotations

from sqlalchemy import Executable, update
from sqlalchemy.dialects.postgresql import insert

from domain.payment import events as e
from domain.payment.state import PaymentStatus
from eventstore.envelope import StoredEvent
from projections.tables import payment_view


def project(event: e.PaymentEvent, stored: StoredEvent) -> Executable:
    match event:
        case e.PaymentRequested():
            return _requested(event, stored)
        case e.PaymentPending():
            changes = _now(PaymentStatus.PENDING) | {
                "reference": event.reference,
                "action_url": event.action_url,
            }
        case e.PaymentAuthorized():
            changes = _now(PaymentStatus.AUTHORIZED) | {"reference": event.reference}
        case e.PaymentDeclined():
            changes = _now(PaymentStatus.DECLINED) | {
                "reference": event.reference,
                "decline_code": event.code,
            }
        case e.PaymentCaptured():
            changes = _now(PaymentStatus.CAPTURED) | {"captured": event.amount.amount}
        case e.PaymentVoided():
            changes = _now(PaymentStatus.VOIDED)
    return (
        update(payment_view)
        .where(payment_view.c.order_id == event.order_id)
        .values(**changes, position=stored.position)
    )


def _now(status: PaymentStatus) -> dict[str, object]:
    """The customer has nothing more to do in any status but PENDING, which sets its own URL."""
    return {"status": status, "action_url": None}


def _requested(event: e.PaymentRequested, stored: StoredEvent) -> Executable:
    attempt: dict[str, object] = {
        "status": PaymentStatus.REQUESTED,
        "attempt": event.attempt,
        "currency": event.amount.currency,
        "amount": event.amount.amount,
        "reference": None,
        "action_url": None,
        "decline_code": None,
        "position": stored.position,
    }
    return (
        insert(payment_view)
        .values(order_id=event.order_id, captured=0, refunded=0, **attempt)
        .on_conflict_do_update(index_elements=["order_id"], set_=attempt)
    )
