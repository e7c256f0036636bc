from __future__ import annotations

import strawberry

from domain.customer.commands import ErasureReason

strawberry.enum(ErasureReason, description="The reason for an erasure. The log keeps it.")


@strawberry.input
class EraseCustomerInput:
    idempotency_key: str
    customer_id: strawberry.ID
    reason: ErasureReason
