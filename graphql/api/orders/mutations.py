from __future__ import annotations

import strawberry

from api.context import Info
from api.orders.cancelling import cancel_order
from api.orders.inputs import CancelOrderInput, PlaceOrderInput, RequestReturnInput
from api.orders.placing import place_order
from api.orders.returning import request_return
from api.orders.types import CancelOrderPayload, PlaceOrderPayload, RequestReturnPayload


@strawberry.type
class OrderMutation:
    @strawberry.mutation(
        description="Answers when the log holds the order; its saga then runs. `userErrors` are the"
        " reasons why no order was placed. An order that was placed may still be rejected, also"
        " before the answer: read `order.status`. REJECTED with `order.reason` OUT_OF_STOCK means"
        " that the stock is short; `userErrors` is empty then."
    )
    async def place_order(self, info: Info, input: PlaceOrderInput) -> PlaceOrderPayload:  # noqa: A002 - its name in the contract
        return await place_order(input, info.context)

    @strawberry.mutation(
        description="Answers when the log holds the request, and the order is CANCELLING. The saga"
        " then undoes its steps, and the order becomes CANCELLED. If the carrier has taken the"
        " parcel meanwhile, the request is withdrawn and the order continues: `orderUpdates`"
        " delivers OrderCancellationWithdrawn. So show the customer a cancellation that was"
        " requested, not one that is certain."
    )
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> CancelOrderPayload:  # noqa: A002 - its name in the contract
        return await cancel_order(input, info.context)

    @strawberry.mutation(
        description="Answers when the log holds the request. The refund follows when the goods are "
        "back."
    )
    async def request_return(self, info: Info, input: RequestReturnInput) -> RequestReturnPayload:  # noqa: A002 - its name in the contract
        return await request_return(input, info.context)
