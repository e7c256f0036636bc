from __future__ import annotations

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
# The customer has something to do in no status but PENDING, which sets the URL itself.
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
VOIDED = """
    UPDATE readmodel.payment_view
    SET status = $2, position = $3, action_url = NULL
    WHERE order_id = $1
"""


def project(event: e.PaymentEvent, stored: StoredEvent) -> Change:
    def change(sql: str, status: PaymentStatus, *more: object) -> Change:
        return Change(sql, (event.order_id, status, stored.position, *more))

    match event:
        case e.PaymentRequested():
            amount = event.amount
            return change(
                REQUESTED, PaymentStatus.REQUESTED, event.attempt, amount.currency, amount.amount
            )
        case e.PaymentPending():
            return change(PENDING, PaymentStatus.PENDING, event.reference, event.action_url)
        case e.PaymentAuthorized():
            return change(AUTHORIZED, PaymentStatus.AUTHORIZED, event.reference)
        case e.PaymentDeclined():
            return change(DECLINED, PaymentStatus.DECLINED, event.reference, event.code)
        case e.PaymentCaptured():
            return change(CAPTURED, PaymentStatus.CAPTURED, event.amount.amount)
        case e.PaymentVoided():
            return change(VOIDED, PaymentStatus.VOIDED)
