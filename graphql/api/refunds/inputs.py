from __future__ import annotations

import strawberry
from pydantic import BaseModel

from api.money import MoneyInput
from api.orders.inputs import OrderLineInput
from domain.identifiers import IdempotencyKey
from domain.saga.commands import Explanation


@strawberry.input(description="Name either an amount or lines.")
class RefundOrderInput:
    idempotency_key: str
    order_id: strawberry.ID
    amount: MoneyInput | None = strawberry.field(
        default=None, description="An amount in the order's currency."
    )
    lines: list[OrderLineInput] | None = strawberry.field(
        default=None,
        description="Pieces whose price is refunded as a return would refund it. No stock changes.",
    )
    reason: str = strawberry.field(description="Your reason, in one line. The log keeps it.")


class RefundDetails(BaseModel):
    """The parts of the input that are valid or not regardless of the order."""

    idempotency_key: IdempotencyKey
    reason: Explanation
