from __future__ import annotations

from typing import Annotated

import strawberry

from api.connections import First, page_request
from api.context import Info
from api.errors import bad_input
from api.events.checks import check_stream, check_types
from api.events.types import EventConnection
from api.scalars import Position
from queries.events import BeyondHead, EventSearch

After = Annotated[
    Position | None,
    strawberry.argument(
        description="Read the events above this position, which may be a cursor of this list."
    ),
]
Stream = Annotated[
    str | None, strawberry.argument(description="Read one stream: a category and an id.")
]
Types = Annotated[
    list[str] | None, strawberry.argument(description="Read the events of these types.")
]


@strawberry.type
class EventQuery:
    @strawberry.field(
        description="For operators: the events of the log by their position, up to the position "
        "below which no event can still appear. BAD_USER_INPUT for a position above it."
    )
    async def events(
        self,
        info: Info,
        *,
        after: After = None,
        stream: Stream = None,
        types: Types = None,
        first: First = None,
    ) -> EventConnection:
        size = page_request(first, None, None, None, int).size
        check_stream(stream)
        check_types(types)
        try:
            page = await info.context.services.events.page(EventSearch(size, after, stream, types))
        except BeyondHead:
            message = "the log has not come this far: pass an earlier one, or ask again later"
            raise bad_input(f"after: {message}") from None
        return EventConnection.of(page, info.context.positions)
