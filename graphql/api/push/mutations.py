from __future__ import annotations

import strawberry

from api.context import Info
from api.idempotency import OptionalKey
from api.push import subscribing
from api.push.inputs import SubscribeToPushInput
from api.push.types import SubscribeToPushPayload, UnsubscribeFromPushPayload


@strawberry.type
class PushMutation:
    @strawberry.mutation(
        description="Send the notices of the viewer's orders to this browser too, from now on. A "
        "repetition changes nothing. A browser belongs to the viewer who subscribed it last."
    )
    async def subscribe_to_push(
        self,
        info: Info,
        input: SubscribeToPushInput,  # noqa: A002 - its name in the contract
    ) -> SubscribeToPushPayload:
        return await subscribing.subscribe(input, info.context)

    @strawberry.mutation(
        description="Send nothing more to this browser. A repetition changes nothing. NOT_FOUND for"
        " one that is gone for another reason."
    )
    async def unsubscribe_from_push(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        idempotency_key: OptionalKey = None,
    ) -> UnsubscribeFromPushPayload:
        return await subscribing.unsubscribe(id, idempotency_key, info.context)
