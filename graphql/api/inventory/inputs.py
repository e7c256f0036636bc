from __future__ import annotations

import strawberry

from domain.inventory.commands import AdjustmentReason

strawberry.enum(
    AdjustmentReason,
    description="The reason for an adjustment. DAMAGED and LOST take pieces away, FOUND adds "
    "pieces, RETURNED adds pieces that came back and belong to no order or return, COUNTED does "
    "either after a stocktake.",
)


@strawberry.input
class ReceiveStockInput:
    idempotency_key: str
    sku: strawberry.ID
    quantity: int


@strawberry.input
class AdjustStockInput:
    idempotency_key: str
    sku: strawberry.ID
    difference: int = strawberry.field(
        description="The pieces that are there and not recorded; negative for pieces that are "
        "recorded and not there. After a stocktake: the counted pieces minus `Stock.onHand`."
    )
    reason: AdjustmentReason
