from __future__ import annotations

import strawberry


@strawberry.input
class ReceiveStockInput:
    idempotency_key: str
    sku: strawberry.ID
    quantity: int
