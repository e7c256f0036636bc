from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from api.connections import Connection
from api.operator_notices.checks import CURSOR_KIND
from api.payload import Payload
from notifications.operators.causes import CauseKind
from notifications.operators.digest import sentence
from queries import cursor
from queries.keyset import Page
from queries.operator_notices import AcknowledgementView, NoticeMessageView, NoticeView

strawberry.enum(
    CauseKind,
    name="OperatorNoticeKind",
    description="PARKED_SAGA and DISCREPANCY: the subject is an order. DEAD_LETTERS: a consumer "
    "group. STOPPED_PROJECTION: a projection that takes no events. PARKED_STREAMS: a projection, "
    "or a channel of notifications, that cannot take events of some streams.",
)


@strawberry.enum(name="OperatorChannel")
class OperatorChannel(Enum):
    EMAIL = "email"
    WEBHOOK = "webhook"


@strawberry.enum(
    name="NoticeMessageState",
    description="FAILED: the message was refused for good, or every attempt has failed.",
)
class NoticeMessageState(Enum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@strawberry.type(description="An operator knows of the notice, so that it is not said again.")
class NoticeAcknowledgement:
    actor: str
    at: datetime
    note: str | None

    @classmethod
    def of(cls, view: AcknowledgementView) -> Self:
        return cls(actor=view.actor, at=view.at, note=view.note)


@strawberry.type(description="A message that said the notice, alone or with others.")
class NoticeMessage:
    channel: OperatorChannel
    is_reminder: bool
    state: NoticeMessageState
    attempts: int
    cause: str | None = strawberry.field(description="Why the last attempt failed.")
    ended_at: datetime | None = strawberry.field(description="When it was sent or given up.")

    @classmethod
    def of(cls, view: NoticeMessageView) -> Self:
        return cls(
            channel=OperatorChannel(view.channel),
            is_reminder=view.is_reminder,
            state=NoticeMessageState(view.state),
            attempts=view.attempts,
            cause=view.cause,
            ended_at=view.ended_at,
        )


@strawberry.type(
    description="Something that needs an operator: see docs/OPERATOR-NOTICES.md. A cause that "
    "ends and comes back within five minutes is the same notice."
)
class OperatorNotice:
    id: strawberry.ID
    kind: CauseKind
    subject: str = strawberry.field(
        description="The order's id, the consumer group or the projection, by the kind."
    )
    order_number: str | None = strawberry.field(description="Null if it is about no order.")
    text: str = strawberry.field(description="The line that the messages say.")
    since: datetime = strawberry.field(description="When the cause began.")
    opened_at: datetime
    closed_at: datetime | None = strawberry.field(
        description="When the cause had ended. Null while it lasts."
    )
    acknowledged: NoticeAcknowledgement | None
    messages: list[NoticeMessage] = strawberry.field(
        description="The oldest first. Messages are kept for 30 days."
    )

    @classmethod
    def of(cls, view: NoticeView) -> Self:
        acknowledged = view.acknowledged
        return cls(
            id=strawberry.ID(str(view.id)),
            kind=view.kind,
            subject=view.subject,
            order_number=view.order_number,
            text=sentence(view.kind, view.subject, view.order_number, view.detail),
            since=view.since,
            opened_at=view.opened_at,
            closed_at=view.closed_at,
            acknowledged=None if acknowledged is None else NoticeAcknowledgement.of(acknowledged),
            messages=[NoticeMessage.of(message) for message in view.messages],
        )

    @classmethod
    def of_any(cls, view: NoticeView | None) -> Self | None:
        return None if view is None else cls.of(view)


@strawberry.type
class OperatorNoticeConnection(Connection[OperatorNotice]):
    @classmethod
    def of(cls, page: Page[NoticeView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, str(notice.id)) for notice in page.items]
        nodes = [OperatorNotice.of(notice) for notice in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type
class AcknowledgeNoticePayload(Payload):
    notice: OperatorNotice | None = None
