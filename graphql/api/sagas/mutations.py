from __future__ import annotations

import strawberry

from api.context import Info
from api.sagas.deciding import decide
from api.sagas.inputs import SagaDecisionInput
from api.sagas.types import SagaDecisionPayload
from domain.saga.commands import Decision


@strawberry.type
class SagaMutation:
    @strawberry.mutation(description="For operators: the cause is gone, try the step again.")
    async def retry_saga(self, info: Info, input: SagaDecisionInput) -> SagaDecisionPayload:  # noqa: A002 - its name in the contract
        return await decide(Decision.RETRY, input, info.context)

    @strawberry.mutation(description="For operators: go on without the step.")
    async def skip_saga_step(self, info: Info, input: SagaDecisionInput) -> SagaDecisionPayload:  # noqa: A002 - its name in the contract
        return await decide(Decision.SKIP, input, info.context)

    @strawberry.mutation(description="For operators: the step was settled by hand, go on.")
    async def resolve_saga(self, info: Info, input: SagaDecisionInput) -> SagaDecisionPayload:  # noqa: A002 - its name in the contract
        return await decide(Decision.RESOLVE, input, info.context)

    @strawberry.mutation(
        description="For operators: undo what was done. Not for a step that is itself an undo."
    )
    async def compensate_saga(self, info: Info, input: SagaDecisionInput) -> SagaDecisionPayload:  # noqa: A002 - its name in the contract
        return await decide(Decision.COMPENSATE, input, info.context)
