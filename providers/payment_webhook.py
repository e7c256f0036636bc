"""Verify notifications from the payment provider."""

from __future__ import annotations

from typing import Final

import stripe
from pydantic import BaseModel, ValidationError

from domain.command import Identifier
from domain.provider_notifications import PaymentNotificationKind
from providers.errors import WebhookFault, WebhookRejected
from providers.event_id import EventId
from providers.payments import PaymentWebhook
from providers.stripe_amounts import NotRepresentable, UnknownCurrency, from_stripe

TOLERANCE_SECONDS = 300
OWN_CANCELLATION: Final = "abandoned"
"""The reason that Waybill gives when it cancels an intent: any other cancellation ends a hold that
Waybill relies on. The step that cancels asks until it has the answer."""


_KINDS: Final = {
    "payment_intent.amount_capturable_updated": PaymentNotificationKind.AUTHORIZED,
    "payment_intent.requires_action": PaymentNotificationKind.NEEDS_CUSTOMER,
    "payment_intent.processing": PaymentNotificationKind.NEEDS_CUSTOMER,
    "payment_intent.payment_failed": PaymentNotificationKind.DECLINED,
    "payment_intent.succeeded": PaymentNotificationKind.CAPTURED,
    "payment_intent.canceled": PaymentNotificationKind.CANCELED,
    "charge.expired": PaymentNotificationKind.CANCELED,
    "charge.refunded": PaymentNotificationKind.REFUND,
    "charge.refund.updated": PaymentNotificationKind.REFUND,
    "refund.failed": PaymentNotificationKind.REFUND,
    "refund.updated": PaymentNotificationKind.REFUND,
    "charge.dispute.created": PaymentNotificationKind.DISPUTE,
    "charge.dispute.updated": PaymentNotificationKind.DISPUTE,
    "charge.dispute.closed": PaymentNotificationKind.DISPUTE,
    "charge.dispute.funds_reinstated": PaymentNotificationKind.DISPUTE,
    "charge.dispute.funds_withdrawn": PaymentNotificationKind.DISPUTE,
}
"""https://docs.stripe.com/api/events/types. Waybill acknowledges and drops every other event."""
_INTENT: Final = "payment_intent"
_OBJECTS: Final = {_INTENT, "charge", "refund", "dispute"}
_STANDS: Final = {"succeeded", "pending", "requires_action"}
"""The statuses of a refund that has not failed: a webhook about it says nothing new."""


class _Metadata(BaseModel):
    order_id: Identifier
    attempt: int


class _Subject(BaseModel):
    """An intent, or a charge, a refund or a dispute of one.

    Stripe copies the metadata of an intent to its charge, and to neither of the others.
    """

    id: EventId | None = None
    object: str
    payment_intent: EventId | None = None
    metadata: dict[str, str] | None = None
    cancellation_reason: str | None = None
    amount_refunded: int | None = None
    currency: str = ""
    status: str | None = None

    @property
    def reference(self) -> str | None:
        return self.id if self.object == _INTENT else self.payment_intent

    @property
    def says_nothing_new(self) -> bool:
        """Return True for a refund that stands, and for what Waybill itself has cancelled."""
        is_refund_that_stands = self.object == "refund" and self.status in _STANDS
        return is_refund_that_stands or self.cancellation_reason == OWN_CANCELLATION


class _Data(BaseModel):
    object: _Subject


class _Event(BaseModel):
    id: EventId
    type: EventId
    data: _Data


def verify_payment_webhook(
    raw: bytes,
    signature_header: str,
    secret: str,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> PaymentWebhook | None:
    """Return the notification in `raw`, exactly as received, or None for an event of no order.

    Raises WebhookRejected.
    """
    if not signature_header.isascii():  # the SDK can compare ASCII only
        raise WebhookRejected(WebhookFault.BAD_SIGNATURE)
    _check_signature(raw, signature_header, secret, tolerance_seconds)
    try:
        event = _Event.model_validate_json(raw)
    except ValidationError:
        raise WebhookRejected(WebhookFault.MALFORMED) from None
    return _notification(event)


def _check_signature(raw: bytes, header: str, secret: str, tolerance_seconds: int) -> None:
    try:
        stripe.WebhookSignature.verify_header(raw, header, secret)
    except UnicodeDecodeError:
        raise WebhookRejected(WebhookFault.MALFORMED) from None
    except stripe.SignatureVerificationError:
        raise WebhookRejected(WebhookFault.BAD_SIGNATURE) from None
    # Check again with the age limit: Stripe has one error for both faults.
    try:
        stripe.WebhookSignature.verify_header(raw, header, secret, tolerance_seconds)
    except stripe.SignatureVerificationError:
        raise WebhookRejected(WebhookFault.TOO_OLD) from None


def _notification(event: _Event) -> PaymentWebhook | None:
    subject = event.data.object
    kind = _KINDS.get(event.type)
    if subject.object == _INTENT and kind is None:
        kind = PaymentNotificationKind.PAYMENT
    reference = subject.reference
    is_ours = kind is not None and subject.object in _OBJECTS and not subject.says_nothing_new
    if kind is None or reference is None or not is_ours:
        return None
    ours = _labels(subject)
    if ours is None and subject.object == _INTENT:
        return None
    return PaymentWebhook(
        event_id=event.id,
        type=event.type,
        order_id=ours.order_id if ours else None,
        attempt=ours.attempt if ours else 0,
        kind=kind,
        reference=reference,
        refunded=_refunded(subject) if kind is PaymentNotificationKind.REFUND else None,
    )


def _refunded(subject: _Subject) -> int | None:
    """Return the total of a charge in ISO 4217's minor units, or None if it must be asked for."""
    if subject.amount_refunded is None:
        return None
    try:
        return from_stripe(subject.amount_refunded, subject.currency.upper())
    except (UnknownCurrency, NotRepresentable):
        return None


def _labels(subject: _Subject) -> _Metadata | None:
    try:
        return _Metadata.model_validate(subject.metadata)
    except ValidationError:
        return None
