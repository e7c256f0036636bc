from __future__ import annotations

import strawberry

from domain.customer.commands import ErasureReason

strawberry.enum(ErasureReason, description="Why a customer is erased. It is kept in the log.")


@strawberry.input
class EraseCustomerInput:
    idempotency_key: str
    customer_id: strawberry.ID
    reason: ErasureReason
