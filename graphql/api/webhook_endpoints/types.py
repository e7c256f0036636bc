from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import partial
from typing import Final, Self
from uuid import UUID

import strawberry

from api.connections import Connection, Cursor, First, page_request
from api.context import Info
from api.payload import POSITION_NUMBER, Payload
from api.scalars import Long, Position
from notifications.webhooks.outcome import Outcome
from queries import cursor
from queries.keyset import Page
from queries.webhooks import AttemptsRequest, AttemptView, SecretView, WebhookView

CURSOR_KIND: Final = "webhook"
ATTEMPT_KIND: Final = "webhook attempt"

MAX_CURSOR_DIGITS: Final = 18

strawberry.enum(Outcome, name="WebhookOutcome", description="How an attempt to deliver has ended.")


@strawberry.enum(
    name="WebhookDisabledCause",
    description="Why a webhook gets no events: an operator has disabled it; the receiver has "
    "answered 410; it has failed for days; or the log has lost the webhook's position, so that it "
    "must be replayed.",
)
class DisabledCause(Enum):
    OPERATOR = "OPERATOR"
    GONE = "GONE"
    FAILING = "FAILING"
    LOST = "LOST"


@strawberry.type(name="WebhookDisabled")
class Disabled:
    cause: DisabledCause
    at: datetime
    actor: str | None = strawberry.field(description="The operator, if it was one.")


@strawberry.type(description="A secret that signs; the value is shown only when it is made.")
class WebhookSecret:
    created_at: datetime
    expires_at: datetime | None = strawberry.field(
        description="Null for the current one. The one before it signs too until it expires."
    )

    @classmethod
    def of(cls, secret: SecretView) -> Self:
        return cls(created_at=secret.created_at, expires_at=secret.expires_at)


@strawberry.type(description="An attempt to deliver an event. The answer's content is never kept.")
class WebhookAttempt:
    event_id: strawberry.ID = strawberry.field(description="It was sent as `webhook-id`.")
    event_type: str
    at: datetime
    duration_ms: int
    outcome: Outcome
    status: int | None = strawberry.field(description="Null if there was no answer.")

    @classmethod
    def of(cls, attempt: AttemptView) -> Self:
        return cls(
            event_id=strawberry.ID(str(attempt.event_id)),
            event_type=attempt.event_type,
            at=attempt.at,
            duration_ms=round(attempt.duration.total_seconds() * 1000),
            outcome=Outcome(attempt.outcome),
            status=attempt.status,
        )


@strawberry.type
class WebhookAttemptConnection(Connection[WebhookAttempt]):
    @classmethod
    def of(cls, endpoint_id: UUID, page: Page[AttemptView]) -> Self:
        cursors = [cursor.encode(ATTEMPT_KIND, f"{a.id}:{endpoint_id}") for a in page.items]
        nodes = [WebhookAttempt.of(attempt) for attempt in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type(description="A URL that receives the events of the log: see docs/WEBHOOKS.md.")
class Webhook:
    id: strawberry.ID
    url: str
    description: str
    patterns: list[str]
    position: Position = strawberry.field(
        description="All events up to there are delivered, or are among the waiting ones."
    )
    waiting: int = strawberry.field(
        description="The events that were read and failed, or wait behind one that failed."
    )
    failing_since: datetime | None = strawberry.field(
        description="The time since which the receiver as a whole fails."
    )
    paused_until: datetime | None = strawberry.field(description="When it is tried again.")
    disabled: Disabled | None
    secrets: list[WebhookSecret]
    created_at: datetime
    created_by: str
    key: strawberry.Private[UUID]

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @strawberry.field(description="The attempts, the newest first. The last 1,000 are kept.")
    async def attempts(
        self, info: Info, *, first: First = None, after: Cursor = None
    ) -> WebhookAttemptConnection:
        read = partial(_attempt_before, self.key)
        request = page_request(first, after, None, None, read)
        asked = AttemptsRequest(self.key, request.size, request.after)
        return WebhookAttemptConnection.of(
            self.key, await info.context.webhook_attempts.load(asked)
        )

    @classmethod
    def of(cls, webhook: WebhookView) -> Self:
        return cls(
            id=strawberry.ID(str(webhook.id)),
            url=webhook.url,
            description=webhook.description,
            patterns=list(webhook.patterns),
            position=Position(webhook.position),
            waiting=webhook.waiting,
            failing_since=webhook.failing_since,
            paused_until=webhook.paused_until,
            disabled=_disabled(webhook),
            secrets=[WebhookSecret.of(secret) for secret in webhook.secrets],
            created_at=webhook.created_at,
            created_by=webhook.created_by,
            key=webhook.id,
        )


@strawberry.type
class WebhookConnection(Connection[Webhook]):
    @classmethod
    def of(cls, page: Page[WebhookView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, str(webhook.number)) for webhook in page.items]
        nodes = [Webhook.of(webhook) for webhook in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type
class WebhookPayload(Payload):
    webhook: Webhook | None = None


@strawberry.type
class WebhookSecretPayload(Payload):
    webhook: Webhook | None = None
    secret: str | None = strawberry.field(
        default=None,
        description="The receiver's secret. It is shown this once: null for a repeated request.",
    )


@strawberry.type
class TestWebhookPayload(Payload):
    event_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the test event: see `Webhook.attempts`."
    )


def number_in(text: str) -> int:
    """Return the key of a cursor of the list. Raises BadCursor."""
    return _number(cursor.decode(CURSOR_KIND, text))


def _attempt_before(endpoint_id: UUID, text: str) -> int:
    number, _, whose = cursor.decode(ATTEMPT_KIND, text).partition(":")
    if whose != str(endpoint_id):
        raise cursor.BadCursor
    return _number(number)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_CURSOR_DIGITS):
        raise cursor.BadCursor
    return int(text)


def _disabled(webhook: WebhookView) -> Disabled | None:
    if webhook.disabled_at is None or webhook.disabled_cause is None:
        return None
    cause = DisabledCause(webhook.disabled_cause)
    return Disabled(cause=cause, at=webhook.disabled_at, actor=webhook.disabled_by)
