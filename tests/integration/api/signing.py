"""Build the headers by which a provider signs a notification."""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime
from uuid import uuid4

from standardwebhooks.webhooks import Webhook

Headers = dict[str, str]


def signed_payment(raw: bytes, secret: str, *, age: int = 0) -> Headers:
    sent_at = int(time.time()) - age
    signed = f"{sent_at}.".encode() + raw
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={sent_at},v1={signature}"}


def signed_shipment(raw: bytes, secret: str, *, event_id: str | None = None) -> Headers:
    """Sign a shipment notification. `raw` is UTF-8, because the library signs text."""
    now, event_id = datetime.now(UTC), event_id or f"msg_{uuid4()}"
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, raw.decode()),
    }
