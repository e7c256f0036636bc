from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.connections import Connection
from api.context import Info
from api.dead_letters.checks import CURSOR_KIND
from api.payload import Payload
from api.scalars import Long
from orchestrator.dead_letters import LetterAction
from queries import cursor
from queries.dead_letters import (
    MAX_BODY_SHOWN,
    DeadLetterActionKind,
    DeadLetterFilter,
    DeadLetterState,
)
from queries.dead_letters import DeadLetter as DeadLetterView
from queries.dead_letters import DeadLetterAction as DeadLetterActionView
from queries.keyset import Page

strawberry.enum(
    DeadLetterState,
    description="RETRYING: the group tries the message again by itself. DEAD: it has failed too "
    "often, and waits for an operator. WAITING: it was not tried yet, because an earlier message "
    "of its stream is a dead letter.",
)
strawberry.enum(DeadLetterActionKind)


@strawberry.type(description="What an operator did with a dead letter, which may be gone since.")
class DeadLetterAction:
    letter_id: strawberry.ID
    kind: DeadLetterActionKind
    actor: str
    reason: str | None
    at: datetime

    @classmethod
    def of(cls, action: DeadLetterActionView | LetterAction) -> Self:
        return cls(
            letter_id=strawberry.ID(str(action.letter_id)),
            kind=DeadLetterActionKind(action.kind),
            actor=action.actor,
            reason=action.reason,
            at=action.at,
        )


@strawberry.type(
    description="A message of the event bus that a consumer group could not handle. Later messages "
    "of its stream wait behind it, unless the consumer chose otherwise."
)
class DeadLetter:
    id: strawberry.ID
    group: str = strawberry.field(description="The consumer group that could not handle it.")
    stream: str = strawberry.field(
        description="The stream of the event, which is the key of the message on the bus."
    )
    event_id: strawberry.ID = strawberry.field(
        description="Derived from `origin` for a message that is no event."
    )
    event_type: str | None = strawberry.field(description="Null for a message that is no event.")
    origin: str = strawberry.field(description="Where the bus keeps the message, or kept it.")
    state: DeadLetterState
    attempts: int = strawberry.field(description="The tries since it came, or since its redrive.")
    cause: str | None = strawberry.field(description="Why the last try failed.")
    stored_at: datetime
    first_failed_at: datetime | None = strawberry.field(description="Null if it was never tried.")
    last_failed_at: datetime | None
    next_try_at: datetime | None = strawberry.field(
        description="When the group tries it again, while it is RETRYING."
    )
    body: str = strawberry.field(
        description=f"The first {MAX_BODY_SHOWN:,} bytes of the message. Bytes that are no text "
        "show as U+FFFD. Personal data in an event is sealed."
    )
    body_bytes: int = strawberry.field(description="The size of the whole message.")
    actions: list[DeadLetterAction] = strawberry.field(description="The oldest first.")

    @classmethod
    def of(cls, letter: DeadLetterView) -> Self:
        return cls(
            id=strawberry.ID(str(letter.id)),
            group=letter.group,
            stream=letter.key,
            event_id=strawberry.ID(str(letter.message_id)),
            event_type=letter.event_type,
            origin=letter.origin,
            state=letter.state,
            attempts=letter.attempts,
            cause=letter.cause,
            stored_at=letter.stored_at,
            first_failed_at=letter.first_failed_at,
            last_failed_at=letter.last_failed_at,
            next_try_at=letter.next_try_at,
            body=letter.body.decode(errors="replace"),
            body_bytes=letter.body_bytes,
            actions=[DeadLetterAction.of(action) for action in letter.actions],
        )

    @classmethod
    def of_any(cls, letter: DeadLetterView | None) -> Self | None:
        return None if letter is None else cls.of(letter)


@strawberry.type
class DeadLetterConnection(Connection[DeadLetter]):
    wanted: strawberry.Private[DeadLetterFilter]

    @strawberry.field(
        description="The number of all letters that pass the filter. It costs a statement that "
        "counts them: ask for it once, and not with each page."
    )
    async def total_count(self, info: Info) -> Long:
        return Long(await info.context.services.dead_letters.count(self.wanted))

    @classmethod
    def of(cls, page: Page[DeadLetterView], wanted: DeadLetterFilter) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, str(letter.id)) for letter in page.items]
        nodes = [DeadLetter.of(letter) for letter in page.items]
        return cls.holding(page, cursors, nodes, wanted=wanted)


@strawberry.type
class RedriveDeadLetterPayload(Payload):
    action: DeadLetterAction | None = None
    letter: DeadLetter | None = strawberry.field(
        default=None, description="Null if the group has handled it by now."
    )


@strawberry.type
class DiscardDeadLetterPayload(Payload):
    action: DeadLetterAction | None = None
