from __future__ import annotations

import strawberry

from api.context import Info
from api.errors import bad_input
from api.suppressions.checks import digest_of
from api.suppressions.types import EmailSuppression
from domain.errors import Refused


@strawberry.type
class SuppressionQuery:
    @strawberry.field(
        description="For operators: why an address gets no mail. Null if no suppression stops it. "
        "The address is not stored."
    )
    async def email_suppression(self, info: Info, email: str) -> EmailSuppression | None:
        services = info.context.services
        try:
            digest = digest_of(email, services.search_key)
        except Refused as refused:
            raise bad_input(f"email: {refused.message}") from None
        found = await services.suppression_queries.get(digest)
        return None if found is None else EmailSuppression.of(found)
