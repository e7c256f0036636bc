"""Define the fields that the payload of every mutation has."""

from __future__ import annotations

import strawberry

from api.scalars import Long, Position
from api.user_errors import UserError

POSITION_NUMBER = "The position as a number."


@strawberry.type
class Payload:
    position: Position | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return None if self.position is None else Long(self.position)
