"""Write the message of a notification for a browser, and the headers of its request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Final
from uuid import UUID

from notifications.facts import Notice
from notifications.mail.content import Facts, content_of
from notifications.mail.language import Language
from notifications.push.encryption import encrypt
from notifications.push.subscriptions import Target
from notifications.push.vapid import Vapid

MAX_BODY_CHARACTERS: Final = 600
"""Browsers show some lines. The message stays far below the 3,993 bytes of RFC 8291."""
USER_AGENT: Final = "Waybill-Push/1"

_NEEDS_CUSTOMER: Final = frozenset({Notice.PAYMENT_NEEDED})


@dataclass(frozen=True, slots=True)
class Push:
    """A request that is ready to be sent. It never shows its recipient."""

    endpoint: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def payload_of(
    facts: Facts, language: Language, time_zone: str | None, notification_id: UUID
) -> bytes:
    """Return the JSON that the service worker of the shop shows. It names no person."""
    content = content_of(facts, language, time_zone, unsubscribe_url="")
    payload = {
        "id": str(notification_id),
        "kind": str(facts.kind),
        "orderNumber": facts.created.number,
        "title": content.subject,
        "body": _shortened(" ".join(content.paragraphs)),
        "at": facts.recorded_at.astimezone(UTC).isoformat(timespec="seconds"),
        "lang": content.language,
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def delivery_headers(kind: Notice, ttl: timedelta, notification_id: UUID) -> Mapping[str, str]:
    """Return the headers by which the push service keeps the message: RFC 8030, section 5.

    The topic makes a repetition replace the first message, if the browser has not got it yet. It
    has 32 characters, the most that are allowed.
    """
    return {
        "ttl": str(int(ttl.total_seconds())),
        "topic": notification_id.hex,
        "urgency": "high" if kind in _NEEDS_CUSTOMER else "normal",
    }


def push_of(payload: bytes, target: Target, vapid: Vapid, delivery: Mapping[str, str]) -> Push:
    """Encrypt the message for this browser, and sign the request to its push service."""
    headers = {
        "authorization": vapid.authorization(target.endpoint),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "user-agent": USER_AGENT,
        **delivery,
    }
    return Push(target.endpoint, headers, encrypt(payload, target.keys))


def _shortened(text: str) -> str:
    if len(text) <= MAX_BODY_CHARACTERS:
        return text
    return text[: MAX_BODY_CHARACTERS - 1].rstrip() + "…"
