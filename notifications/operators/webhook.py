"""Say notices by a webhook, signed as Standard Webhooks says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, Final, Protocol

from eventstore.cloudevents import SOURCE
from notifications.operators.channel import Send
from notifications.operators.digest import DOCUMENTATION, Line
from notifications.operators.outbox import Message
from notifications.outbox import Outcome, State
from notifications.webhooks.backoff import GIVE_UP_AFTER, delay_after
from notifications.webhooks.outcome import Answer
from notifications.webhooks.outcome import Outcome as Ended
from notifications.webhooks.signing import signed_headers

EVENT_TYPE: Final = "waybill.OperatorNotices.v1"


class Posts(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class WebhookChannel:
    """The webhooks to the URL of the settings."""

    target: Final = "webhook"

    def __init__(self, client: Posts, url: str, key: bytes) -> None:
        self._client = client
        self._url = url
        self._key = key

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Send]:
        yield self._send

    async def _send(self, message: Message) -> Outcome:
        body = body_of(message)
        headers = signed_headers(str(message.id), body, [self._key])
        answer = await self._client.post(self._url, headers, body)
        if answer.outcome is Ended.DELIVERED:
            return Outcome(State.SENT)
        if answer.outcome is Ended.GONE or message.age > GIVE_UP_AFTER:
            return Outcome(State.FAILED, answer.outcome)
        pause = delay_after(message.attempts, answer.retry_after)
        return Outcome(State.PENDING, answer.outcome, pause)


def body_of(message: Message) -> bytes:
    """Return a CloudEvent. It is the same in each attempt."""
    digest = message.digest
    data = {
        "total": digest.total,
        "counts": {str(kind): count for kind, count in sorted(digest.counts.items())},
        "notices": [_notice(line) for line in digest.lines],
    }
    event = {
        "specversion": "1.0",
        "id": str(message.id),
        "source": SOURCE,
        "type": EVENT_TYPE,
        "time": message.created_at.astimezone(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(event).encode()


def _notice(line: Line) -> Mapping[str, Any]:
    return {
        "id": str(line.id),
        "kind": str(line.kind),
        "subject": line.subject,
        "orderNumber": line.order_number,
        "text": line.text,
        "since": line.since.astimezone(UTC).isoformat(),
        "isReminder": line.is_reminder,
        "documentation": DOCUMENTATION[line.kind],
    }
