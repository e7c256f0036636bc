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


def _changed(event: e.PaymentEvent) -> dict[str, object]:  # noqa: C901 - one case for each event
    changed: dict[str, object] = {}
    match event:
        # The customer has to act in this status alone: each of the others clears the URL.
        case e.PaymentPending():
            changed = {
                "status": PaymentStatus.PENDING,
                "reference": event.reference,
                "action_url": event.action_url,
            }
        case e.PaymentAuthorized():
            changed = {
                "status": PaymentStatus.AUTHORIZED,
                "reference": event.reference,
                "action_url": None,
            }
        case e.PaymentDeclined():
            changed = {
                "status": PaymentStatus.DECLINED,
                "reference": event.reference,
                "action_url": None,
                "decline_code": event.code,
            }
        case e.PaymentRefused():
            changed = {"status": PaymentStatus.REFUSED, "decline_code": event.code}
        case e.PaymentHoldEnded():
            changed = {
                "status": PaymentStatus.DECLINED,
                "action_url": None,
                "decline_code": hold_end_code(event.cause),
            }
        case e.PaymentCaptured():
            changed = {"status": PaymentStatus.CAPTURED, "captured": event.amount.amount}
        case e.PaymentRefunded():
            changed = _refunded(event)
        case e.PaymentRefundedElsewhere():
            changed = {**_refunded(event), "refunded_elsewhere": Plus(event.amount.amount)}
        case e.PaymentRefundElsewhereFailed():
            changed = {
                "status": PaymentStatus.CAPTURED,
                "refunded": event.refunded_in_all.amount,
                "refunded_elsewhere": Plus(-event.amount.amount),
            }
        case e.PaymentRefundFailed():
            changed = {
                "status": PaymentStatus.CAPTURED,
                "refunded": event.refunded_in_all.amount,
            }
        case e.PaymentDisputed() | e.PaymentDisputeClosed():
            changed = {
                "disputed": event.disputed_in_all.amount,
                "dispute_won": event.won_in_all.amount,
                "dispute_lost": event.lost_in_all.amount,
            }
        case e.PaymentVoided():
            changed = {"status": PaymentStatus.VOIDED, "action_url": None}
    return changed


def _refunded(event: e.PaymentRefunded | e.PaymentRefundedElsewhere) -> dict[str, object]:
    refunded = event.refunded_in_all.amount
    return {
        "status": IfEqual("captured", refunded, PaymentStatus.REFUNDED),
        "refunded": refunded,
    }


PAYMENTS: Final = Inline("payments", 1, [payment_view], events_of(e.PaymentEvent), apply)
