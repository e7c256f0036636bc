from __future__ import annotations

import strawberry

from api.context import Context, Info
from api.projections.types import (
    Projection,
    RebuildProjectionPayload,
    RedriveProjectionPayload,
)
from api.user_errors import UserError
from domain.errors import Refused


@strawberry.type
class ProjectionMutation:
    @strawberry.mutation(
        description="For admins: rebuild the projection from the log while the service runs. A "
        "worker makes the rebuild; `projections` shows its progress. A repetition is WRONG_STATE "
        "until it has finished."
    )
    async def rebuild_projection(self, info: Info, name: str) -> RebuildProjectionPayload:
        context = info.context
        try:
            await context.services.projection_requests.rebuild(name, context.viewer.actor)
        except Refused as refused:
            return RebuildProjectionPayload(user_errors=[UserError.of(refused)])
        return RebuildProjectionPayload(projection=await _projection(context, name))

    @strawberry.mutation(
        description="For operators: let the projection take its parked events again, of one stream "
        "or of all, after their cause is mended. Its leader takes them within seconds."
    )
    async def redrive_projection(
        self, info: Info, name: str, stream: str | None = None
    ) -> RedriveProjectionPayload:
        try:
            events = await info.context.services.projection_requests.redrive(name, stream)
        except Refused as refused:
            return RedriveProjectionPayload(user_errors=[UserError.of(refused)])
        return RedriveProjectionPayload(events=events)


async def _projection(context: Context, name: str) -> Projection:
    statuses = await context.services.projections.statuses()
    return Projection.of(next(status for status in statuses if status.name == name))
