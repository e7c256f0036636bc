from __future__ import annotations

import strawberry

from api.products.types import Product
from api.scalars import Position
from api.user_errors import UserError


@strawberry.type
class ReceiveStockPayload:
    product: Product | None = None
    position: Position | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)
