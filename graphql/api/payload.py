"""Define the fields that the payload of every mutation has."""

from __future__ import annotations

import strawberry

from api.scalars import Long, Position
from api.user_errors import UserError

POSITION_NUMBER = "The position as a number."


@strawberry.type
class Payload:
    position: Position | None = None
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="The reasons why the request was refused and changed nothing. Empty when it was"
        " accepted.",
    )
    replayed: bool = strawberry.field(
        default=False,
        description="True if this repeats an earlier request, by its idempotency key or by asking"
        " for the same state. The earlier request had the effect; this one has changed nothing.",
    )

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return None if self.position is None else Long(self.position)
