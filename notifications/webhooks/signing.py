"""Sign webhooks as Standard Webhooks says: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import Webhook

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Return the form that the receiver's library takes."""
    return PREFIX + base64.b64encode(secret).decode()


def signed_headers(event_id: str, body: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """Return the headers of one attempt, signed with each of the endpoint's valid secrets."""
    now, text = datetime.now(UTC), body.decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(event_id, now, text) for key in keys),
    }
