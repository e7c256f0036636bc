from __future__ import annotations

import strawberry

from api.context import Info
from api.inventory.adjusting import adjust_stock
from api.inventory.inputs import AdjustStockInput, ReceiveStockInput
from api.inventory.receiving import receive_stock
from api.inventory.types import AdjustStockPayload, ReceiveStockPayload


@strawberry.type
class InventoryMutation:
    @strawberry.mutation(
        description="For operators: record a receipt of goods. Soon after the answer, the orders "
        "that wait for them get them, the oldest first. Goods that come back without an order are "
        "an adjustment with the reason RETURNED."
    )
    async def receive_stock(self, info: Info, input: ReceiveStockInput) -> ReceiveStockPayload:  # noqa: A002 - its name in the contract
        return await receive_stock(input, info.context)

    @strawberry.mutation(
        description="For operators: correct the stock on hand. More pieces go to the orders that "
        "wait for them. Fewer pieces than orders have reserved leave the latest of these orders "
        "short: each needs attention, with a STOCK discrepancy, until its pieces arrive or it is "
        "cancelled. INSUFFICIENT_STOCK refuses to take more pieces away than are on hand. "
        "INVALID_QUANTITY refuses a difference of 0, one of over a million pieces, and one that "
        "its reason cannot have."
    )
    async def adjust_stock(self, info: Info, input: AdjustStockInput) -> AdjustStockPayload:  # noqa: A002 - its name in the contract
        return await adjust_stock(input, info.context)
