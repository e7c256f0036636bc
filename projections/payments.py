from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.payment import events as e
from domain.payment.state import PaymentStatus, hold_end_code
from eventstore.envelope import StoredEvent
from projections.change import Change, IfEqual, Plus, update, upsert
from projections.projection import Inline, events_of
from projections.tables import payment_view


def apply(event: e.PaymentEvent, stored: StoredEvent) -> Sequence[Change]:
    if isinstance(event, e.PaymentRequested):
        return [_requested(event, stored)]
    return [update(payment_view, event.order_id, position=stored.position, **_changed(event))]


def _requested(event: e.PaymentRequested, stored: StoredEvent) -> Change:
    return upsert(
        payment_view,
        event.order_id,
        status=PaymentStatus.REQUESTED,
        position=stored.position,
        attempt=event.attempt,
        currency=event.amount.currency,
        amount=event.amount.amount,
        reference=None,
        action_url=None,
        decline_code=None,
    )


def _changed(event: e.PaymentEvent) -> dict[str, object]:
    match event:
        case e.AttemptEvent():
            return _attempted(event)
        case e.RefundEvent():
            return _given_back(event)
        case e.PaymentCaptured():
            return {"status": PaymentStatus.CAPTURED, "captured": event.amount.amount}
        case e.PaymentDisputed() | e.PaymentDisputeClosed():
            return {
                "disputed": event.disputed_in_all.amount,
                "dispute_won": event.won_in_all.amount,
                "dispute_lost": event.lost_in_all.amount,
            }
        case e.PaymentSettledByOperator():
            return {"status": PaymentStatus.SETTLED_BY_OPERATOR, "action_url": None}


def _attempted(event: e.PaymentAttemptEvent) -> dict[str, object]:
    # The customer has to act in the status PENDING alone: each of the others clears the URL.
    changed: dict[str, object] = {"action_url": None}
    match event:
        case e.PaymentPending():
            changed = {"status": PaymentStatus.PENDING, "action_url": event.action_url}
        case e.PaymentAuthorized():
            changed |= {"status": PaymentStatus.AUTHORIZED}
        case e.PaymentDeclined():
            changed |= {"status": PaymentStatus.DECLINED, "decline_code": event.code}
        case e.PaymentRefused():
            changed |= {"status": PaymentStatus.REFUSED, "decline_code": event.code}
        case e.PaymentHoldEnded():
            code = hold_end_code(event.cause)
            changed |= {"status": PaymentStatus.DECLINED, "decline_code": code}
        case e.PaymentVoided():
            changed |= {"status": PaymentStatus.VOIDED}
    if isinstance(event, e.PaymentPending | e.PaymentAuthorized | e.PaymentDeclined):
        changed["reference"] = event.reference
    return changed


def _given_back(event: e.PaymentRefundEvent) -> dict[str, object]:
    match event:
        case e.PaymentRefunded():
            return _refunded(event)
        case e.PaymentRefundedElsewhere():
            return {**_refunded(event), "refunded_elsewhere": Plus(event.amount.amount)}
        case e.PaymentRefundFailed():
            return _came_back(event)
        case e.PaymentRefundElsewhereFailed():
            return {**_came_back(event), "refunded_elsewhere": Plus(-event.amount.amount)}
        case e.PaymentRefundSettledByOperator():
            return {}  # the provider has refunded nothing


def _refunded(event: e.PaymentRefunded | e.PaymentRefundedElsewhere) -> dict[str, object]:
    refunded = event.refunded_in_all.amount
    return {
        "status": IfEqual("captured", refunded, PaymentStatus.REFUNDED),
        "refunded": refunded,
    }


def _came_back(
    event: e.PaymentRefundFailed | e.PaymentRefundElsewhereFailed,
) -> dict[str, object]:
    return {
        "status": IfEqual("status", PaymentStatus.REFUNDED, PaymentStatus.CAPTURED),
        "refunded": event.refunded_in_all.amount,
    }


PAYMENTS: Final = Inline("payments", 1, [payment_view], events_of(e.PaymentEvent), apply)
