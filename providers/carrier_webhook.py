"""Verify notifications from the carrier: their signatures follow Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from providers.carrier import CarrierShipmentStatus, CarrierWebhook, ReturnStatus
from providers.errors import WebhookFault, WebhookRejected
from providers.event_id import EventId
from providers.references import booking_of

_STATUSES: Final[dict[str, CarrierShipmentStatus | ReturnStatus]] = {
    str(status): status for status in (*CarrierShipmentStatus, *ReturnStatus)
}
_event_id: Final[TypeAdapter[str]] = TypeAdapter(EventId)


class _Data(BaseModel):
    reference: str
    status: str


class _Event(BaseModel):
    data: _Data


def verify_carrier_webhook(
    raw: bytes, headers: Mapping[str, str], secret: str
) -> CarrierWebhook | None:
    """Return the notification in `raw`, exactly as received, with its headers; None for an unknown
    status. Raises WebhookRejected.

    `secret` is base64, with or without the prefix `whsec_`; the age limit is five minutes.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    _check_signature(raw, lower, secret)
    try:
        event_id = _event_id.validate_python(lower["webhook-id"])
        event = _Event.model_validate_json(raw)
    except ValidationError:
        raise WebhookRejected(WebhookFault.MALFORMED) from None
    status = _STATUSES.get(event.data.status)
    booking = booking_of(event.data.reference)
    if status is None or booking is None:
        return None
    return CarrierWebhook(event_id, booking.order_id, status, booking.number)


def _check_signature(raw: bytes, headers: dict[str, str], secret: str) -> None:
    try:
        Webhook(secret).verify(raw, headers, json_parse=False)
    except UnicodeDecodeError:
        raise WebhookRejected(WebhookFault.MALFORMED) from None
    # The library passes on the parser's ValueError when a signature is no base64.
    except (WebhookVerificationError, ValueError):
        raise WebhookRejected(_fault(headers)) from None


def _fault(headers: Mapping[str, str]) -> WebhookFault:
    """Return the fault. The library has one error for all; only the age can be determined here."""
    try:
        age = datetime.now(UTC).timestamp() - float(headers.get("webhook-timestamp", ""))
    except ValueError:
        return WebhookFault.BAD_SIGNATURE
    too_old = abs(age) > timedelta(minutes=5).total_seconds()
    return WebhookFault.TOO_OLD if too_old else WebhookFault.BAD_SIGNATURE
