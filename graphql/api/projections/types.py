from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from api.payload import POSITION_NUMBER, Payload
from api.scalars import Long, Position
from queries.projections import Lag, ParkedStream, ProjectionStatus, RebuildStatus


@strawberry.enum(description="When the rows of a projection change.")
class ProjectionTiming(Enum):
    INLINE = "inline"
    FOLLOWING = "following"


@strawberry.enum(description="How far a rebuild has come.")
class RebuildState(Enum):
    REQUESTED = "requested"
    FILLING = "filling"
    INDEXING = "indexing"
    CATCHING_UP = "catching up"
    DONE = "done"
    FAILED = "failed"


@strawberry.type(description="How far a projection is behind the log.")
class ProjectionLag:
    position: Position = strawberry.field(description="Its rows show the events up to there.")
    events: int = strawberry.field(description="The events it has still to take: 10,000 or more.")
    seconds: float = strawberry.field(description="The age of the oldest of them.")

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, lag: Lag) -> Self:
        return cls(position=Position(lag.position), events=lag.events, seconds=lag.seconds)


@strawberry.type(
    name="ParkedStream",
    description="A stream whose first event here fails in the projection. Later ones wait.",
)
class ParkedStreamType:
    stream: str
    position: Position
    events: int
    cause: str | None
    attempts: int
    since: datetime

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @classmethod
    def of(cls, parked: ParkedStream) -> Self:
        return cls(
            stream=parked.stream_id,
            position=Position(parked.position),
            events=parked.events,
            cause=parked.cause,
            attempts=parked.attempts,
            since=parked.since,
        )


@strawberry.type(name="ProjectionRebuild", description="The rebuild under way, or the last one.")
class Rebuild:
    version: int
    state: RebuildState
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    events: Long = strawberry.field(description="The events that were read so far.")
    events_in_all: Long
    fault: str | None

    @classmethod
    def of(cls, rebuild: RebuildStatus) -> Self:
        return cls(
            version=rebuild.version,
            state=RebuildState(rebuild.state),
            requested_by=rebuild.requested_by,
            requested_at=rebuild.requested_at,
            finished_at=rebuild.finished_at,
            events=Long(rebuild.events),
            events_in_all=Long(rebuild.events_in_all),
            fault=rebuild.fault,
        )


@strawberry.type(name="ProjectionStatus")
class Projection:
    name: str
    version: int = strawberry.field(description="The version that this build knows.")
    live_version: int = strawberry.field(
        description="The version of the rows that are read. If it is lower, rebuild the projection."
    )
    timing: ProjectionTiming
    lag: ProjectionLag | None = strawberry.field(
        description="Null for an inline projection, whose rows change with the event."
    )
    fault: str | None = strawberry.field(description="Why the projection takes no events.")
    built_at: datetime | None = strawberry.field(description="The end of the last rebuild.")
    parked: list[ParkedStreamType] = strawberry.field(description="At most 1,000, oldest first.")
    rebuild: Rebuild | None

    @classmethod
    def of(cls, status: ProjectionStatus) -> Self:
        timing = ProjectionTiming.INLINE if status.is_inline else ProjectionTiming.FOLLOWING
        return cls(
            name=status.name,
            version=status.version,
            live_version=status.live_version,
            timing=timing,
            lag=None if status.lag is None else ProjectionLag.of(status.lag),
            fault=status.fault,
            built_at=status.built_at,
            parked=[ParkedStreamType.of(parked) for parked in status.parked],
            rebuild=None if status.rebuild is None else Rebuild.of(status.rebuild),
        )


@strawberry.type
class RebuildProjectionPayload(Payload):
    projection: Projection | None = None


@strawberry.type
class RedriveProjectionPayload(Payload):
    events: int | None = strawberry.field(
        default=None,
        description="The events that the leader takes again. For a repetition, those of them "
        "that it has not taken yet.",
    )
