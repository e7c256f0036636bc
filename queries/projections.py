"""The projections as operators see them: their lag, their parked events and their rebuilds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projections.projection import ReadModel
from projections.registry import READ_MODELS

MAX_LAG_EVENTS: Final = 10_000
"""A larger lag is shown as this number."""

_STATES: Final = text("SELECT name, version, fault, built_at FROM eventstore.projection")
_LAG: Final = text("""
    SELECT coalesce(max(c.position), 0) AS position,
           count(e.position) AS events,
           coalesce(extract(epoch FROM clock_timestamp() - min(e.recorded_at)), 0) AS seconds
    FROM (SELECT max(position) AS position FROM eventstore.checkpoint
          WHERE name = :checkpoint) AS c
    LEFT JOIN LATERAL (
        SELECT position, recorded_at FROM eventstore.event
        WHERE position > coalesce(c.position, 0) AND type = ANY (:types)
        ORDER BY position
        LIMIT :most
    ) AS e ON true
""")
_PARKED: Final = text("""
    SELECT projection, stream_id, count(*) AS events, min(position) AS position,
           max(cause) AS cause, max(attempts) AS attempts, min(parked_at) AS since,
           extract(epoch FROM clock_timestamp() - min(parked_at)) AS seconds
    FROM eventstore.parked_event
    GROUP BY projection, stream_id
    ORDER BY min(position)
    LIMIT 1000
""")
_REBUILDS: Final = text("""
    SELECT name, version, state, requested_by, requested_at, finished_at, events, events_in_all,
           fault
    FROM eventstore.projection_rebuild
""")


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """A stream whose first event here fails in the projection; its later events wait."""

    stream_id: str
    position: int
    events: int
    cause: str | None
    attempts: int
    since: datetime
    seconds: float
    """The age of the parking, by the clock of the database."""


@dataclass(frozen=True, slots=True)
class RebuildStatus:
    version: int
    state: str
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    events: int
    events_in_all: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class Lag:
    position: int
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    name: str
    version: int
    """The version that this build knows."""
    live_version: int
    """The version of the live tables."""
    is_inline: bool
    lag: Lag | None
    """It is None for an inline projection, which has none."""
    fault: str | None
    built_at: datetime | None
    parked: Sequence[ParkedStream]
    rebuild: RebuildStatus | None

    @property
    def parked_seconds(self) -> float:
        """The age of the oldest parked stream; 0 for none."""
        return max((parked.seconds for parked in self.parked), default=0.0)

    @property
    def problem(self) -> str | None:
        """Return a line that says what an operator must mend."""
        if self.fault is not None:
            return f"{self.name}: {self.fault}"
        if self.parked:
            return f"{self.name}: {len(self.parked)} streams are parked: {self.parked[0].cause}"
        return None


class ProjectionQueries:
    def __init__(self, engine: AsyncEngine, models: Sequence[ReadModel] = READ_MODELS) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._models = models

    async def statuses(self) -> Sequence[ProjectionStatus]:
        """Return all projections, in three statements and one for each that follows."""
        async with self._engine.connect() as connection:
            states = {row.name: row for row in await connection.execute(_STATES)}
            rebuilds = {row.name: row for row in await connection.execute(_REBUILDS)}
            parked = (await connection.execute(_PARKED)).all()
            return [
                _status(model, await _lag(connection, model), states, rebuilds, parked)
                for model in self._models
            ]


async def _lag(connection: AsyncConnection, model: ReadModel) -> Lag | None:
    if model.checkpoint is None:
        return None
    given = {
        "checkpoint": model.checkpoint,
        "types": sorted(model.types),
        "most": MAX_LAG_EVENTS,
    }
    row = (await connection.execute(_LAG, given)).one()
    return Lag(row.position, row.events, float(row.seconds))


def _status(
    model: ReadModel,
    lag: Lag | None,
    states: Mapping[str, Row[Any]],
    rebuilds: Mapping[str, Row[Any]],
    parked: Sequence[Row[Any]],
) -> ProjectionStatus:
    state, rebuild = states.get(model.name), rebuilds.get(model.name)
    return ProjectionStatus(
        name=model.name,
        version=model.version,
        live_version=1 if state is None else state.version,
        is_inline=lag is None,
        lag=lag,
        fault=None if state is None else state.fault,
        built_at=None if state is None else state.built_at,
        parked=[_parked(row) for row in parked if row.projection == model.checkpoint],
        rebuild=_rebuild(rebuild),
    )


def _rebuild(row: Row[Any] | None) -> RebuildStatus | None:
    if row is None:
        return None
    return RebuildStatus(
        version=row.version,
        state=row.state,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        finished_at=row.finished_at,
        events=row.events,
        events_in_all=row.events_in_all,
        fault=row.fault,
    )


def _parked(row: Row[Any]) -> ParkedStream:
    return ParkedStream(
        stream_id=row.stream_id,
        position=row.position,
        events=row.events,
        cause=row.cause,
        attempts=row.attempts,
        since=row.since,
        seconds=float(row.seconds),
    )
