from __future__ import annotations

from functools import partial

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.discrepancies.inputs import DiscrepancyFilter
from api.discrepancies.types import CURSOR_KIND, DiscrepancyConnection


@strawberry.type
class DiscrepancyQuery:
    @strawberry.field(
        description="For operators: where the log and another system disagree, those that changed "
        "least recently first."
    )
    async def discrepancies(  # noqa: PLR0913 - a connection's arguments, and one more
        self,
        info: Info,
        *,
        filter: DiscrepancyFilter | None = None,  # noqa: A002 - its name in the contract
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> DiscrepancyConnection:
        positions = info.context.positions
        wanted = filter or DiscrepancyFilter()
        page = await info.context.services.discrepancies.page(
            page_request(first, after, last, before, partial(positions.open, purpose=CURSOR_KIND)),
            systems=wanted.system,
            accepted=wanted.accepted,
        )
        return DiscrepancyConnection.of(page, positions)
