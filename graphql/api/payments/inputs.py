from __future__ import annotations

import strawberry
from pydantic import BaseModel

from domain.identifiers import IdempotencyKey
from domain.order.commands import PaymentMethod


@strawberry.input
class RetryPaymentInput:
    idempotency_key: str
    order_id: strawberry.ID
    payment_method: str = strawberry.field(description="A provider's token: pm_card_visa.")


class RetryPaymentDetails(BaseModel):
    """The parts of the input that are valid or not regardless of the order."""

    idempotency_key: IdempotencyKey
    payment_method: PaymentMethod
