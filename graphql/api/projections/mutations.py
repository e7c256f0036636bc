from __future__ import annotations

import strawberry

from api.context import Context, Info
from api.idempotency import OptionalKey, change_once, mark_replayed, optional_key
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
        "worker makes the rebuild; `projections` shows its progress. A request without a key, or "
        "with another one, is WRONG_STATE until it has finished."
    )
    async def rebuild_projection(
        self, info: Info, name: str, idempotency_key: OptionalKey = None
    ) -> RebuildProjectionPayload:
        context = info.context
        requests, actor = context.services.projection_requests, context.viewer.actor
        try:
            key = optional_key("rebuildProjection", idempotency_key, context, name=name)
            await change_once(key, context, lambda: requests.rebuild(name, actor, key))
        except Refused as refused:
            return RebuildProjectionPayload(user_errors=[UserError.of_argument(refused)])
        return RebuildProjectionPayload(projection=await _projection(context, name))

    @strawberry.mutation(
        description="For operators: let the projection take its parked events again, of one stream "
        "or of all, after their cause is mended. Its leader takes them within seconds."
    )
    async def redrive_projection(
        self,
        info: Info,
        name: str,
        stream: str | None = None,
        idempotency_key: OptionalKey = None,
    ) -> RedriveProjectionPayload:
        context = info.context
        requests = context.services.projection_requests
        try:
            key = optional_key(
                "redriveProjection", idempotency_key, context, name=name, stream=stream
            )
            redrive = await requests.redrive(name, stream, key)
        except Refused as refused:
            return RedriveProjectionPayload(user_errors=[UserError.of_argument(refused)])
        if redrive.is_repeat:
            mark_replayed()
        return RedriveProjectionPayload(events=redrive.events)


async def _projection(context: Context, name: str) -> Projection:
    statuses = await context.services.projections.statuses()
    return Projection.of(next(status for status in statuses if status.name == name))
