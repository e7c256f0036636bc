"""Register a browser of the viewer, or forget it, and answer with it or with the refusal."""

from __future__ import annotations

from uuid import UUID

import strawberry

from api.context import Context
from api.push.inputs import SubscribeToPushInput
from api.push.types import PushSubscription, SubscribeToPushPayload, UnsubscribeFromPushPayload
from api.user_errors import UserError, input_error
from domain.errors import Refused
from notifications.push.registry import not_found


async def subscribe(request: SubscribeToPushInput, context: Context) -> SubscribeToPushPayload:
    keys = (request.endpoint, request.p256dh, request.auth)
    try:
        stored = await context.services.push.subscribe(context.viewer.sub, *keys)
    except Refused as refused:
        return SubscribeToPushPayload(user_errors=[_of(refused)])
    return SubscribeToPushPayload(subscription=PushSubscription.of(stored))


async def unsubscribe(subscription_id: str, context: Context) -> UnsubscribeFromPushPayload:
    try:
        key = _uuid(subscription_id)
        await context.services.push.unsubscribe(context.viewer.sub, key)
    except Refused as refused:
        return UnsubscribeFromPushPayload(user_errors=[UserError.of(refused)])
    return UnsubscribeFromPushPayload(subscription_id=strawberry.ID(str(key)))


def _of(refused: Refused) -> UserError:
    if refused.field:
        return input_error(refused.code, refused.message, *refused.field)
    return UserError.of(refused)


def _uuid(text: str) -> UUID:
    """Return the id. Raises Refused for a text that is no id of a subscription."""
    try:
        key = UUID(text)
    except ValueError:
        raise not_found() from None
    return key
