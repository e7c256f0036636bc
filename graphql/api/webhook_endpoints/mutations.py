from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
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
    async def update_webhook(
        self,
        info: Info,
        *,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        url: str | None = None,
        patterns: list[str] | None = None,
        description: str | None = None,
    ) -> WebhookPayload:
        async def made(key: UUID) -> None:
            registry = info.context.services.webhook_registry
            await registry.update(key, url, patterns, description)

        return await changing.change(id, made, info.context)

    @strawberry.mutation(description="For operators: send nothing until it is enabled again.")
    async def disable_webhook(self, info: Info, id: strawberry.ID) -> WebhookPayload:  # noqa: A002 - its name in the contract
        async def made(key: UUID) -> None:
            await info.context.services.webhook_registry.disable(key, info.context.viewer.actor)

        return await changing.change(id, made, info.context)

    @strawberry.mutation(
        description="For operators: send again, from the position at which it was disabled."
    )
    async def enable_webhook(self, info: Info, id: strawberry.ID) -> WebhookPayload:  # noqa: A002 - its name in the contract
        return await changing.change(
            id, info.context.services.webhook_registry.enable, info.context
        )

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
        "drop the ones that wait at or below it."
    )
    async def replay_webhook(
        self,
        info: Info,
        *,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        from_: From,
    ) -> WebhookPayload:
        async def made(key: UUID) -> None:
            await info.context.services.webhook_registry.replay(key, from_)

        return await changing.change(id, made, info.context)
