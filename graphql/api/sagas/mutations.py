from __future__ import annotations

import strawberry

from api.context import Info
from api.sagas.inputs import SagaInterventionInput
from api.sagas.intervening import intervene
from api.sagas.types import SagaInterventionPayload
from domain.saga.commands import Intervention


@strawberry.type
class SagaMutation:
    @strawberry.mutation(description="For operators: retry the step after its cause is fixed.")
    async def retry_saga(
        self,
        info: Info,
        input: SagaInterventionInput,  # noqa: A002 - its name in the contract
    ) -> SagaInterventionPayload:
        return await intervene(input, Intervention.RETRY, info.context)

    @strawberry.mutation(description="For operators: continue without the step.")
    async def skip_saga_step(
        self,
        info: Info,
        input: SagaInterventionInput,  # noqa: A002 - its name in the contract
    ) -> SagaInterventionPayload:
        return await intervene(input, Intervention.SKIP, info.context)

    @strawberry.mutation(description="For operators: continue after settling the step by hand.")
    async def resolve_saga(
        self,
        info: Info,
        input: SagaInterventionInput,  # noqa: A002 - its name in the contract
    ) -> SagaInterventionPayload:
        return await intervene(input, Intervention.RESOLVE, info.context)

    @strawberry.mutation(
        description="For operators: compensate the saga. Refused for a step that is an undo."
    )
    async def compensate_saga(
        self,
        info: Info,
        input: SagaInterventionInput,  # noqa: A002 - its name in the contract
    ) -> SagaInterventionPayload:
        return await intervene(input, Intervention.COMPENSATE, info.context)
