from __future__ import annotations

import strawberry
from pydantic import BaseModel

from domain.identifiers import IdempotencyKey
from domain.saga.commands import Explanation


@strawberry.input
class SagaInterventionInput:
    idempotency_key: str
    order_id: strawberry.ID
    step: str | None = strawberry.field(
        default=None, description="The parked step or undo. Required if several are parked."
    )
    reason: str = strawberry.field(description="Your reason, in one line. The log keeps it.")


class SagaInterventionDetails(BaseModel):
    """The parts of the input that are valid or not regardless of the saga."""

    idempotency_key: IdempotencyKey
    reason: Explanation
