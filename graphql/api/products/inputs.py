from __future__ import annotations

import strawberry

from api.money import MoneyInput


@strawberry.input
class ListProductInput:
    idempotency_key: str
    sku: strawberry.ID
    name: str
    price: MoneyInput


@strawberry.input
class ChangePriceInput:
    idempotency_key: str
    sku: strawberry.ID
    price: MoneyInput


@strawberry.input
class DiscontinueProductInput:
    idempotency_key: str
    sku: strawberry.ID
