from __future__ import annotations

import strawberry

from api.context import Info
from api.push.types import PushSubscription


@strawberry.type
class PushQuery:
    @strawberry.field(
        description="The `applicationServerKey` with which browsers subscribe. Null when the "
        "installation sends no push messages. A subscription under another key gets nothing."
    )
    async def vapid_public_key(self, info: Info) -> str | None:
        return info.context.services.push.public_key

    @strawberry.field(description="The viewer's browsers that show notices, the oldest first.")
    async def push_subscriptions(self, info: Info) -> list[PushSubscription]:
        stored = await info.context.services.push.of(info.context.viewer.sub)
        return [PushSubscription.of(subscription) for subscription in stored]
