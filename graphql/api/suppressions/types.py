from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.payload import Payload
from notifications.suppressions import SuppressionReason
from queries.suppressions import Suppression, SuppressionAction, SuppressionActionKind

strawberry.enum(
    SuppressionReason,
    name="EmailSuppressionReason",
    description="UNSUBSCRIBED: the person wants no mail. BOUNCED: the mailbox does not exist. "
    "COMPLAINED: the person has marked a mail as spam.",
)
strawberry.enum(SuppressionActionKind, name="EmailSuppressionActionKind")


@strawberry.type(description="What an operator did. The address is kept as its digest alone.")
class EmailSuppressionAction:
    kind: SuppressionActionKind
    actor: str
    reason: str
    at: datetime

    @classmethod
    def of(cls, action: SuppressionAction) -> Self:
        return cls(kind=action.kind, actor=action.actor, reason=action.reason, at=action.at)


@strawberry.type(description="An address gets no mail, whatever its customer's preferences are.")
class EmailSuppression:
    reason: SuppressionReason
    since: datetime
    actions: list[EmailSuppressionAction] = strawberry.field(
        description="What operators did with this address, the oldest first. A link to unsubscribe "
        "and a bounce while sending leave none."
    )

    @classmethod
    def of(cls, suppression: Suppression) -> Self:
        return cls(
            reason=suppression.reason,
            since=suppression.since,
            actions=[EmailSuppressionAction.of(action) for action in suppression.actions],
        )


@strawberry.type
class SuppressEmailPayload(Payload):
    suppression: EmailSuppression | None = None


@strawberry.type
class LiftEmailSuppressionPayload(Payload):
    action: EmailSuppressionAction | None = None
