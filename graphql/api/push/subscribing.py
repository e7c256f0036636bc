"""Register a browser of the viewer, or forget it, and answer with it or with the refusal."""

from __future__ import annotations

from uuid import UUID

import strawberry

from api.context import Context
from api.idempotency import change_once, mark_replayed, optional_key
from api.push.inputs import SubscribeToPushInput
from api.push.types import PushSubscription, SubscribeToPushPayload, UnsubscribeFromPushPayload
from api.user_errors import UserError, input_error
from domain.errors import Refused
from notifications.push.registry import not_found


async def subscribe(request: SubscribeToPushInput, context: Context) -> SubscribeToPushPayload:
    keys = (request.endpoint, request.p256dh, request.auth)
    try:
        key = optional_key("subscribeToPush", request.idempotency_key, context, keys=keys)
        subscribed = await context.services.push.subscribe(context.viewer.sub, *keys, key=key)
    except Refused as refused:
        return SubscribeToPushPayload(user_errors=[_of(refused)])
    if subscribed.is_repeat:
        mark_replayed()
    return SubscribeToPushPayload(subscription=PushSubscription.of_any(subscribed.subscription))


async def unsubscribe(
    subscription_id: str, idempotency_key: str | None, context: Context
) -> UnsubscribeFromPushPayload:
    """End the subscription. Its id is the key of a request without one: no other one has it."""
    try:
        ended = _uuid(subscription_id)
        text = str(ended) if idempotency_key is None else idempotency_key
        key = optional_key("unsubscribeFromPush", text, context, id=str(ended))
        push = context.services.push
        await change_once(key, context, lambda: push.unsubscribe(context.viewer.sub, ended, key))
    except Refused as refused:
        return UnsubscribeFromPushPayload(user_errors=[UserError.of_argument(refused)])
    return UnsubscribeFromPushPayload(subscription_id=strawberry.ID(str(ended)))


def _of(refused: Refused) -> UserError:
    own = UserError.of_argument(refused)
    return input_error(own.code, own.message, *own.field) if own.field else own


def _uuid(text: str) -> UUID:
    """Return the id. Raises Refused for a text that is no id of a subscription."""
    try:
        key = UUID(text)
    except ValueError:
        raise not_found() from None
    return key
