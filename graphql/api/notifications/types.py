from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Self

import strawberry

from api.auth import Viewer
from api.notifications import meanings  # noqa: F401 - it names the enums
from api.orders.types import Lagged
from api.payload import POSITION_NUMBER
from api.scalars import Long, Position
from notifications.facts import Notice
from notifications.mail.content import Wording, wording_of
from notifications.mail.language import Language
from queries.notices import CustomerNotice, NoticesStart


@dataclass(frozen=True)
class Reader:
    """The language and the time zone of a subscriber."""

    language: Language
    time_zone: str | None


@strawberry.type(description="A fact that has become final for an order of the customer.")
class Notification:
    kind: Notice
    order_id: strawberry.ID
    order_number: str
    event_id: strawberry.ID = strawberry.field(description="The event that made it final.")
    position: Position = strawberry.field(description="Pass it as `after` to resume.")
    at: datetime
    language: str = strawberry.field(description="The language of `title` and `body`, in BCP 47.")
    source: strawberry.Private[CustomerNotice]
    reader: strawberry.Private[Reader]

    @strawberry.field(description="One line of plain text that names the order.")
    def title(self) -> str:
        return self._wording.subject

    @strawberry.field(description="Plain text. An empty line separates its paragraphs.")
    def body(self) -> str:
        return "\n\n".join(self._wording.paragraphs)

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @cached_property
    def _wording(self) -> Wording:
        return wording_of(self.source.facts, self.reader.language, self.reader.time_zone)

    def shared_by(self, viewer: Viewer) -> Hashable:
        return id(self.source), viewer.role, self.reader.language.tag, self.reader.time_zone

    @classmethod
    def of(cls, notice: CustomerNotice, reader: Reader) -> Self:
        facts = notice.facts
        return cls(
            kind=facts.kind,
            order_id=strawberry.ID(facts.created.order_id),
            order_number=facts.created.number,
            event_id=strawberry.ID(str(notice.event_id)),
            position=Position(notice.position),
            at=facts.recorded_at,
            language=reader.language.tag,
            source=notice,
            reader=reader,
        )


@strawberry.type(
    description="The first message of a subscription without `after`. To resume before the first "
    "notification, pass its position as `after`."
)
class NotificationsStart:
    position: Position

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, start: NoticesStart) -> Self:
        return cls(position=Position(start.position))


NotificationEvent = Annotated[
    Notification | NotificationsStart | Lagged, strawberry.union("NotificationEvent")
]
