from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.payment import events as e
from domain.payment.state import PaymentStatus
from eventstore.envelope import StoredEvent
from projections.change import Change

REQUESTED = """
    INSERT INTO readmodel.payment_view AS p
        (order_id, status, position, attempt, currency, amount)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (order_id) DO UPDATE
    SET status = $2, position = $3, attempt = $4, currency = $5, amount = $6,
        reference = NULL, action_url = NULL, decline_code = NULL
"""
# The customer has to act in status PENDING alone, which sets the URL itself.
PENDING = """
    UPDATE readmodel.payment_view
    SET status = $2, position = $3, reference = $4, action_url = $5
    WHERE order_id = $1
"""
AUTHORIZED = """
    UPDATE readmodel.payment_view
    SET status = $2, position = $3, reference = $4, action_url = NULL
    WHERE order_id = $1
"""
DECLINED = """
    UPDATE readmodel.payment_view
    SET status = $2, position = $3, reference = $4, action_url = NULL, decline_code = $5
    WHERE order_id = $1
"""
CAPTURED = """
    UPDATE readmodel.payment_view
    SET status = $2, position = $3, captured = $4
    WHERE order_id = $1
"""
REFUNDED = """
    UPDATE readmodel.payment_view
    SET status = CASE WHEN captured = $4 THEN $2 ELSE status END, position = $3, refunded = $4
    WHERE order_id = $1
"""
VOIDED = """
    UPDATE readmodel.payment_view
    SET status = $2, position = $3, action_url = NULL
    WHERE order_id = $1
"""


_WRITES: Final[dict[type[e.PaymentEvent], tuple[str, PaymentStatus]]] = {
    e.PaymentRequested: (REQUESTED, PaymentStatus.REQUESTED),
    e.PaymentPending: (PENDING, PaymentStatus.PENDING),
    e.PaymentAuthorized: (AUTHORIZED, PaymentStatus.AUTHORIZED),
    e.PaymentDeclined: (DECLINED, PaymentStatus.DECLINED),
    e.PaymentCaptured: (CAPTURED, PaymentStatus.CAPTURED),
    e.PaymentRefunded: (REFUNDED, PaymentStatus.REFUNDED),
    e.PaymentVoided: (VOIDED, PaymentStatus.VOIDED),
}


def project(event: e.PaymentEvent, stored: StoredEvent) -> Sequence[Change]:
    sql, status = _WRITES[type(event)]
    return [Change(sql, (event.order_id, status, stored.position, *_facts(event)))]


def _facts(event: e.PaymentEvent) -> tuple[object, ...]:
    facts: tuple[object, ...] = ()
    match event:
        case e.PaymentRequested():
            facts = event.attempt, event.amount.currency, event.amount.amount
        case e.PaymentPending():
            facts = event.reference, event.action_url
        case e.PaymentAuthorized():
            facts = (event.reference,)
        case e.PaymentDeclined():
            facts = event.reference, event.code
        case e.PaymentCaptured():
            facts = (event.amount.amount,)
        case e.PaymentRefunded():
            facts = (event.refunded_in_all.amount,)
    return facts
