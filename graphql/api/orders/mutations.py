from __future__ import annotations

import strawberry

from api.context import Info
from api.orders.cancelling import cancel
from api.orders.inputs import CancelOrderInput, PlaceOrderInput
from api.orders.placing import place
from api.orders.types import CancelOrderPayload, PlaceOrderPayload


@strawberry.type
class OrderMutation:
    @strawberry.mutation(description="Answers once the order is in the log; the rest follows.")
    async def place_order(self, info: Info, input: PlaceOrderInput) -> PlaceOrderPayload:  # noqa: A002 - its name in the contract
        return await place(input, info.context.viewer, info.context.services)

    @strawberry.mutation(description="Answers once it is certain that the order turns round.")
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> CancelOrderPayload:  # noqa: A002 - its name in the contract
        return await cancel(input, info.context)
