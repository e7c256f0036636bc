"""Run a change of a webhook, and answer with the webhook or with the refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from api.context import Context
from api.idempotency import change_once, key_of, mark_replayed, mark_sent, optional_key
from api.user_errors import UserError, bad_key, input_error
from api.webhook_endpoints.inputs import (
    RegisterWebhookInput,
    RotateWebhookSecretInput,
    TestWebhookInput,
)
from api.webhook_endpoints.types import (
    TestWebhookPayload,
    Webhook,
    WebhookPayload,
    WebhookSecretPayload,
)
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from domain.identifiers import is_idempotency_key
from notifications.webhooks.registry import Made

Change = Callable[[UUID, KeyUse | None], Awaitable[bool]]
"""Change the webhook and record the key; return False for a repetition."""

NO_WEBHOOK = "there is no webhook with this id"


async def register(request: RegisterWebhookInput, context: Context) -> WebhookSecretPayload:
    if not is_idempotency_key(request.idempotency_key):
        return WebhookSecretPayload(user_errors=[bad_key()])

    async def made() -> Made:
        return await context.services.webhook_registry.register(
            request.url,
            request.patterns,
            request.description,
            actor=context.viewer.actor,
            key=key_of("registerWebhook", request, context),
        )

    return await _with_secret(made, context)


async def rotate(request: RotateWebhookSecretInput, context: Context) -> WebhookSecretPayload:
    if not is_idempotency_key(request.idempotency_key):
        return WebhookSecretPayload(user_errors=[bad_key()])

    async def made() -> Made:
        return await context.services.webhook_registry.rotate(
            uuid_of(request.id),
            key=key_of("rotateWebhookSecret", request, context),
            must_expire_old=request.expire_old_now,
        )

    return await _with_secret(made, context)


async def test(request: TestWebhookInput, context: Context) -> TestWebhookPayload:
    if not is_idempotency_key(request.idempotency_key):
        return TestWebhookPayload(user_errors=[bad_key()])
    mark_sent()
    try:
        event_id, is_repeated = await context.services.webhook_registry.test(
            uuid_of(request.id), key=key_of("testWebhook", request, context)
        )
    except Refused as refused:
        return TestWebhookPayload(user_errors=[_of_input(refused)])
    if is_repeated:
        mark_replayed()
    return TestWebhookPayload(event_id=strawberry.ID(str(event_id)))


async def change(
    operation: str,
    webhook_id: str,
    idempotency_key: str | None,
    made: Change,
    context: Context,
    **given: object,
) -> WebhookPayload:
    """Make a change that asks for a state, so that a repetition changes nothing."""
    try:
        endpoint_id = uuid_of(webhook_id)
        key = optional_key(operation, idempotency_key, context, id=str(endpoint_id), **given)
        await change_once(key, context, lambda: made(endpoint_id, key))
    except Refused as refused:
        return WebhookPayload(user_errors=[UserError.of_argument(refused)])
    return WebhookPayload(webhook=await _webhook(endpoint_id, context))


async def _with_secret(
    make: Callable[[], Awaitable[Made]], context: Context
) -> WebhookSecretPayload:
    mark_sent()
    try:
        made = await make()
    except Refused as refused:
        return WebhookSecretPayload(user_errors=[_of_input(refused)])
    if made.is_repeated:
        mark_replayed()
    return WebhookSecretPayload(webhook=await _webhook(made.id, context), secret=made.secret)


async def _webhook(key: UUID, context: Context) -> Webhook | None:
    found = await context.services.webhooks.get(key)
    return None if found is None else Webhook.of(found)


def uuid_of(text: str) -> UUID:
    """Return the id. Raises Refused for a text that is no id of a webhook."""
    try:
        key = UUID(text)
    except ValueError:
        raise Refused(ErrorCode.NOT_FOUND, NO_WEBHOOK, ("id",)) from None
    return key


def _of_input(refused: Refused) -> UserError:
    path = refused.field[1:] if refused.field[:1] == ("input",) else refused.field
    return input_error(refused.code, refused.message, *path)
