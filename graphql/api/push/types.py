from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.payload import Payload
from notifications.push import registry


@strawberry.type(description="A browser that shows the viewer's notices; its endpoint is secret.")
class PushSubscription:
    id: strawberry.ID
    created_at: datetime
    paused_until: datetime | None = strawberry.field(
        description="The push service gets nothing before this time: it has asked for a pause, or "
        "did not answer."
    )

    @classmethod
    def of(cls, stored: registry.PushSubscription) -> Self:
        return cls(
            id=strawberry.ID(str(stored.id)),
            created_at=stored.created_at,
            paused_until=stored.paused_until,
        )

    @classmethod
    def of_any(cls, stored: registry.PushSubscription | None) -> Self | None:
        return None if stored is None else cls.of(stored)


@strawberry.type
class SubscribeToPushPayload(Payload):
    subscription: PushSubscription | None = None


@strawberry.type
class UnsubscribeFromPushPayload(Payload):
    subscription_id: strawberry.ID | None = strawberry.field(
        default=None, description="The subscription that has ended. Null if nothing was changed."
    )
