from __future__ import annotations

import strawberry
from pydantic import BaseModel

from domain.command import Identifier
from domain.saga.commands import Explanation


@strawberry.input
class SagaInterventionInput:
    idempotency_key: str
    order_id: strawberry.ID
    step: str | None = strawberry.field(
        default=None, description="The parked step or undo; required where several are parked."
    )
    reason: str = strawberry.field(description="Yours, in one line: it becomes part of the log.")


class SagaInterventionDetails(BaseModel):
    """What must hold of the input whatever the saga."""

    idempotency_key: Identifier
    reason: Explanation
