from __future__ import annotations

import strawberry

from api.context import Info
from api.projections.types import Projection


@strawberry.type
class ProjectionQuery:
    @strawberry.field(description="For operators: all projections, their lag and their rebuilds.")
    async def projections(self, info: Info) -> list[Projection]:
        return [Projection.of(s) for s in await info.context.services.projections.statuses()]
