from __future__ import annotations

import strawberry


@strawberry.input
class RegisterWebhookInput:
    idempotency_key: str
    url: str = strawberry.field(description="It begins with https:// and names a public host.")
    patterns: list[str] = strawberry.field(
        description="The events to send: `order.OrderCancelled`, `order.*`, `*.OrderCancelled` or "
        "`*.*`."
    )
    description: str = strawberry.field(
        default="", description="At most 200 characters, for staff."
    )


@strawberry.input
class RotateWebhookSecretInput:
    idempotency_key: str
    id: strawberry.ID
    expire_old_now: bool = strawberry.field(
        default=False,
        description="Stop signing with the old secret at once. Otherwise it signs for 24 hours.",
    )


@strawberry.input
class TestWebhookInput:
    idempotency_key: str
    id: strawberry.ID
