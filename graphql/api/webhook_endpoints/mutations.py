from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.idempotency import OptionalKey
from api.scalars import Position
from api.webhook_endpoints import changing
from api.webhook_endpoints.inputs import (
    RegisterWebhookInput,
    RotateWebhookSecretInput,
    TestWebhookInput,
)
from api.webhook_endpoints.types import (
    TestWebhookPayload,
    WebhookPayload,
    WebhookSecretPayload,
)
from domain.idempotency import KeyUse

From = Annotated[
    Position,
    strawberry.argument(name="from", description="The events above this position are sent."),
]


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(
        description="For operators: send the events that match the patterns to a URL, from now on."
    )
    async def register_webhook(
        self,
        info: Info,
        input: RegisterWebhookInput,  # noqa: A002 - its name in the contract
    ) -> WebhookSecretPayload:
        return await changing.register(input, info.context)

    @strawberry.mutation(
        description="For operators: change what is given. Events that wait go to the new URL."
    )
    async def update_webhook(  # noqa: PLR0913 - the parts of a webhook
        self,
        info: Info,
        *,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        url: str | None = None,
        patterns: list[str] | None = None,
        description: str | None = None,
        idempotency_key: OptionalKey = None,
    ) -> WebhookPayload:
        async def made(webhook: UUID, key: KeyUse | None) -> bool:
            registry = info.context.services.webhook_registry
            return await registry.update(webhook, url, patterns, description, key)

        given = {"url": url, "patterns": patterns, "description": description}
        return await changing.change(
            "updateWebhook", id, idempotency_key, made, info.context, **given
        )

    @strawberry.mutation(description="For operators: send nothing until it is enabled again.")
    async def disable_webhook(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        idempotency_key: OptionalKey = None,
    ) -> WebhookPayload:
        async def made(webhook: UUID, key: KeyUse | None) -> bool:
            registry, actor = info.context.services.webhook_registry, info.context.viewer.actor
            return await registry.disable(webhook, actor, key)

        return await changing.change("disableWebhook", id, idempotency_key, made, info.context)

    @strawberry.mutation(
        description="For operators: send again, from the position at which it was disabled."
    )
    async def enable_webhook(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        idempotency_key: OptionalKey = None,
    ) -> WebhookPayload:
        made = info.context.services.webhook_registry.enable
        return await changing.change("enableWebhook", id, idempotency_key, made, info.context)

    @strawberry.mutation(
        description="For operators: make a new secret. The old one signs too for 24 hours. "
        "WRONG_STATE while two secrets sign."
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        input: RotateWebhookSecretInput,  # noqa: A002 - its name in the contract
    ) -> WebhookSecretPayload:
        return await changing.rotate(input, info.context)

    @strawberry.mutation(
        description="For operators: send one event of the type WebhookTested, which is in no log. "
        "It is not repeated. WRONG_STATE for a webhook that is disabled."
    )
    async def test_webhook(
        self,
        info: Info,
        input: TestWebhookInput,  # noqa: A002 - its name in the contract
    ) -> TestWebhookPayload:
        return await changing.test(input, info.context)

    @strawberry.mutation(
        description="For operators: send all events above a position again, in their order, and "
        "drop the ones that wait at or below it. Without a key, a repetition sends them once more."
    )
    async def replay_webhook(
        self,
        info: Info,
        *,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        from_: From,
        idempotency_key: OptionalKey = None,
    ) -> WebhookPayload:
        async def made(webhook: UUID, key: KeyUse | None) -> bool:
            return await info.context.services.webhook_registry.replay(webhook, from_, key)

        return await changing.change(
            "replayWebhook", id, idempotency_key, made, info.context, position=from_
        )
