from __future__ import annotations

import strawberry

from api.context import Info
from api.idempotency import OptionalKey, change_once, mark_replayed, optional_key
from api.suppressions.checks import digest_of, explanation_of
from api.suppressions.types import (
    EmailSuppression,
    EmailSuppressionAction,
    LiftEmailSuppressionPayload,
    SuppressEmailPayload,
)
from api.user_errors import UserError
from domain.errors import Refused
from notifications.suppressions import SuppressionReason


@strawberry.type
class SuppressionMutation:
    @strawberry.mutation(
        description="For operators, and programs that read the reports of a mail provider: send no "
        "more mail to an address. One that is suppressed already keeps its reason."
    )
    async def suppress_email(
        self,
        info: Info,
        email: str,
        reason: SuppressionReason,
        idempotency_key: OptionalKey = None,
    ) -> SuppressEmailPayload:
        context, services, actor = info.context, info.context.services, info.context.viewer.actor
        requests = services.suppression_requests
        try:
            digest = digest_of(email, services.search_key)
            key = optional_key(
                "suppressEmail", idempotency_key, context, digest=digest, reason=reason
            )
            await change_once(key, context, lambda: requests.suppress(digest, reason, actor, key))
        except Refused as refused:
            return SuppressEmailPayload(user_errors=[UserError.of_argument(refused)])
        found = await services.suppression_queries.get(digest)
        shown = None if found is None else EmailSuppression.of(found)
        return SuppressEmailPayload(suppression=shown)

    @strawberry.mutation(
        description="For operators: send mail to an address again. NOT_FOUND for one that is not "
        "suppressed. A repetition with the same reason changes nothing."
    )
    async def lift_email_suppression(
        self, info: Info, email: str, reason: str, idempotency_key: OptionalKey = None
    ) -> LiftEmailSuppressionPayload:
        context, services = info.context, info.context.services
        try:
            digest, why = digest_of(email, services.search_key), explanation_of(reason)
            key = optional_key(
                "liftEmailSuppression", idempotency_key, context, digest=digest, reason=why
            )
            action, is_repeat = await services.suppression_requests.lift(
                digest, context.viewer.actor, why, key
            )
        except Refused as refused:
            return LiftEmailSuppressionPayload(user_errors=[UserError.of_argument(refused)])
        if is_repeat:
            mark_replayed()
        return LiftEmailSuppressionPayload(action=EmailSuppressionAction.of(action))
