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

TOLERANCE_SECONDS = 300
OWN_CANCELLATION: Final = "abandoned"
"""The reason that Waybill gives when it cancels an intent: any other cancellation ends a hold that
Waybill relies on."""
_CANCELED: Final = "payment_intent.canceled"
_EXPIRED: Final = "charge.expired"


class _Metadata(BaseModel):
    order_id: Identifier
    attempt: int


class _Subject(BaseModel):
    object: str
    metadata: dict[str, str] | None = None
    cancellation_reason: str | None = None


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
    changed = event.data.object
    try:
        ours = _Metadata.model_validate(changed.metadata)
    except ValidationError:
        return None
    # A charge has the metadata of its intent.
    if changed.object != "payment_intent" and event.type != _EXPIRED:
        return None
    is_own = changed.cancellation_reason == OWN_CANCELLATION
    ends_hold = event.type == _EXPIRED or (event.type == _CANCELED and not is_own)
    kind = PaymentNotificationKind.CANCELED if ends_hold else PaymentNotificationKind.PAYMENT
    return PaymentWebhook(event.id, event.type, ours.order_id, ours.attempt, kind)
