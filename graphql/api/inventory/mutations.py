from __future__ import annotations

import strawberry

from api.context import Info
from api.inventory.inputs import ReceiveStockInput
from api.inventory.receiving import receive_stock
from api.inventory.types import ReceiveStockPayload


@strawberry.type
class InventoryMutation:
    @strawberry.mutation(description="For operators: record a receipt of goods.")
    async def receive_stock(self, info: Info, input: ReceiveStockInput) -> ReceiveStockPayload:  # noqa: A002 - its name in the contract
        return await receive_stock(input, info.context)
