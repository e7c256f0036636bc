from __future__ import annotations

import strawberry

from api.scalars import Position
from api.user_errors import UserError


@strawberry.type
class EraseCustomerPayload:
    position: Position | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)
