from __future__ import annotations

import strawberry

from api.orders.types import Order
from api.scalars import Position
from api.user_errors import UserError


@strawberry.type
class RetryPaymentPayload:
    order: Order | None = None
    position: Position | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)
