from __future__ import annotations

import strawberry
from pydantic import BaseModel

from api.discrepancies.systems import ReconciledSystem
from domain.identifiers import IdempotencyKey
from domain.saga.commands import Explanation


@strawberry.input(description="All of the conditions apply.")
class DiscrepancyFilter:
    system: list[ReconciledSystem] | None = strawberry.field(
        default=None, description="The difference is from one of these systems."
    )
    accepted: bool | None = strawberry.field(
        default=None, description="True: those that an operator has accepted. False: the open ones."
    )


@strawberry.input
class AcceptDiscrepancyInput:
    idempotency_key: str
    order_id: strawberry.ID
    system: ReconciledSystem
    reason: str = strawberry.field(description="Your reason, in one line. The log keeps it.")


class AcceptDiscrepancyDetails(BaseModel):
    """The parts of the input that are valid or not regardless of the order."""

    idempotency_key: IdempotencyKey
    reason: Explanation
