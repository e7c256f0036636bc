from __future__ import annotations

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.webhook_endpoints.changing import uuid_of
from api.webhook_endpoints.types import Webhook, WebhookConnection, number_in
from domain.errors import Refused


@strawberry.type
class WebhookQuery:
    @strawberry.field(description="For operators: a webhook. Null if there is none with this id.")
    async def webhook(self, info: Info, id: strawberry.ID) -> Webhook | None:  # noqa: A002 - its name in the contract
        try:
            found = await info.context.services.webhooks.get(uuid_of(id))
        except Refused:
            return None
        return None if found is None else Webhook.of(found)

    @strawberry.field(description="For operators: the webhooks, by the time of their registration.")
    async def webhooks(
        self,
        info: Info,
        *,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> WebhookConnection:
        request = page_request(first, after, last, before, number_in)
        return WebhookConnection.of(await info.context.services.webhooks.page(request))
