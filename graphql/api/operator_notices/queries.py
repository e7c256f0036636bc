from __future__ import annotations

from typing import Annotated

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.operator_notices.checks import key_of
from api.operator_notices.types import OperatorNoticeConnection

Open = Annotated[
    bool | None,
    strawberry.argument(
        description="True: those whose cause lasts. False: those whose cause has ended."
    ),
]


@strawberry.type
class OperatorNoticeQuery:
    @strawberry.field(
        description="For operators: what needs one, and what needed one in the last 30 days, the "
        "newest first."
    )
    async def operator_notices(  # noqa: PLR0913 - a connection's arguments, and one more
        self,
        info: Info,
        *,
        open: Open = None,  # noqa: A002 - its name in the contract
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> OperatorNoticeConnection:
        request = page_request(first, after, last, before, key_of)
        page = await info.context.services.operator_notices.page(request, is_open=open)
        return OperatorNoticeConnection.of(page)
