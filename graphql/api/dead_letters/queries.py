from __future__ import annotations

from typing import Annotated

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.dead_letters.checks import check_group, key_of
from api.dead_letters.types import DeadLetterConnection
from queries.dead_letters import DeadLetterFilter, DeadLetterState

Group = Annotated[
    str | None, strawberry.argument(description="List the letters of one consumer group.")
]
State = Annotated[
    DeadLetterState | None, strawberry.argument(description="List the letters in one state.")
]


@strawberry.type
class DeadLetterQuery:
    @strawberry.field(
        description="For operators: the messages of the event bus that consumer groups could not "
        "handle, and those that wait behind them, the oldest first."
    )
    async def dead_letters(  # noqa: PLR0913 - a connection's arguments, and two more
        self,
        info: Info,
        *,
        group: Group = None,
        state: State = None,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> DeadLetterConnection:
        request = page_request(first, after, last, before, key_of)
        check_group(group)
        wanted = DeadLetterFilter(group, state)
        page = await info.context.services.dead_letters.page(wanted, request)
        return DeadLetterConnection.of(page, wanted)
