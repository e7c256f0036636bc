from __future__ import annotations

import strawberry

from api.context import Info
from api.refunds.inputs import RefundOrderInput
from api.refunds.payloads import RefundOrderPayload
from api.refunds.refunding import refund_order


@strawberry.type
class RefundMutation:
    @strawberry.mutation(
        description="For operators: give money back, also after the order has ended. Answers when "
        "the log holds the promise; a saga of its own then refunds. Never more than was captured "
        "and is not refunded or promised yet."
    )
    async def refund_order(self, info: Info, input: RefundOrderInput) -> RefundOrderPayload:  # noqa: A002 - its name in the contract
        return await refund_order(input, info.context)
