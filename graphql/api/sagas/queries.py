from __future__ import annotations

from functools import partial

import strawberry

from api.connections import Cursor, First, Last, page_request
from api.context import Info
from api.errors import not_found
from api.sagas.types import CURSOR_KIND, Saga, SagaConnection
from domain.identifiers import is_identifier


@strawberry.type
class SagaQuery:
    @strawberry.field(description="NOT_FOUND also for another customer's order.")
    async def saga(self, info: Info, order_id: strawberry.ID) -> Saga | None:
        viewer, sagas = info.context.viewer, info.context.services.sagas
        saga = await sagas.get(order_id) if is_identifier(order_id) else None
        if saga is None or not viewer.may_see(saga.customer_id):
            raise not_found("order")
        return Saga.of(saga)

    @strawberry.field(description="For operators: the parked sagas, oldest first.")
    async def parked_sagas(
        self,
        info: Info,
        *,
        first: First = None,
        after: Cursor = None,
        last: Last = None,
        before: Cursor = None,
    ) -> SagaConnection:
        positions = info.context.positions
        page = await info.context.services.sagas.parked(
            page_request(first, after, last, before, partial(positions.open, purpose=CURSOR_KIND))
        )
        return SagaConnection.of(page, positions)
