from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from api.context import Info
from api.errors import position_lost
from api.orders.types import Lagged, OrderUpdate, OrderUpdateEvent
from api.scalars import Position
from eventstore.errors import PositionLost
from queries.updates import Update


@strawberry.type
class OrderSubscription:
    @strawberry.subscription(
        description="Every event of the order after a position. Without a position, the stream "
        "starts with the order's state."
    )
    async def order_updates(
        self, info: Info, order_id: strawberry.ID, after: Position | None = None
    ) -> AsyncGenerator[OrderUpdateEvent, None]:
        order = await info.context.get_order(order_id)
        try:
            async with aclosing(info.context.services.updates.follow(order.id, after)) as updates:
                async for update in updates:
                    if isinstance(update, Update):
                        yield OrderUpdate.of(update)
                    else:
                        yield Lagged.of(update)
        except PositionLost:
            raise position_lost() from None
