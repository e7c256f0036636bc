from __future__ import annotations

import strawberry

from api.context import Info
from api.discrepancies.accepting import accept_discrepancy
from api.discrepancies.inputs import AcceptDiscrepancyInput
from api.discrepancies.types import AcceptDiscrepancyPayload


@strawberry.type
class DiscrepancyMutation:
    @strawberry.mutation(
        description="For operators: accept a difference, which ends its alarm. It stays readable, "
        "and is open again when it changes."
    )
    async def accept_discrepancy(
        self,
        info: Info,
        input: AcceptDiscrepancyInput,  # noqa: A002 - its name in the contract
    ) -> AcceptDiscrepancyPayload:
        return await accept_discrepancy(input, info.context)
