from __future__ import annotations

import strawberry

from api.idempotency import KEY_OF_STATE


@strawberry.input(description="What `PushSubscription.toJSON()` of the browser shows.")
class SubscribeToPushInput:
    endpoint: str = strawberry.field(
        description="The URL at the browser's push service. It begins with https:// and names a "
        "public host."
    )
    p256dh: str = strawberry.field(description="`keys.p256dh`, as Base64url.")
    auth: str = strawberry.field(description="`keys.auth`, as Base64url.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_OF_STATE)
