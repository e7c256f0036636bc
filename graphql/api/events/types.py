from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.connections import Connection
from api.payload import POSITION_NUMBER
from api.scalars import Json, Long, Position
from eventstore.positions import PositionCodec
from queries.events import EventView
from queries.keyset import Page


@strawberry.type(description="An event of the log, without personal data.")
class Event:
    id: strawberry.ID
    position: Position
    stream: str = strawberry.field(description="A category and an id: order-4711.")
    version: int = strawberry.field(description="Counts the events of the stream, from 1.")
    type: str
    schema_version: int = strawberry.field(description="The version of the fields of `data`.")
    recorded_at: datetime
    correlation_id: str = strawberry.field(
        description="The id shared by everything that one request caused."
    )
    actor: str | None = strawberry.field(description="Null where it is not known.")
    data: Json = strawberry.field(
        description="The fields of the event, as docs/EVENTS.md lists them. Fields with personal "
        "data are left out."
    )

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long:
        return Long(self.position)

    @classmethod
    def of(cls, event: EventView) -> Self:
        return cls(
            id=strawberry.ID(str(event.id)),
            position=Position(event.position),
            stream=event.stream,
            version=event.version,
            type=event.type,
            schema_version=event.schema_version,
            recorded_at=event.recorded_at,
            correlation_id=event.correlation_id,
            actor=event.actor,
            data=Json(dict(event.data)),
        )


@strawberry.type
class EventConnection(Connection[Event]):
    @classmethod
    def of(cls, page: Page[EventView], positions: PositionCodec) -> Self:
        cursors = [positions.seal(event.position) for event in page.items]
        nodes = [Event.of(event) for event in page.items]
        return cls.holding(page, cursors, nodes)
