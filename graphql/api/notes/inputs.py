from __future__ import annotations

import strawberry


@strawberry.input
class AddOrderNoteInput:
    idempotency_key: str
    order_id: strawberry.ID
    text: str = strawberry.field(description="At most 2,000 characters, in one line or more.")
