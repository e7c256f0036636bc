"""The event store in PostgreSQL. The rules live in sql/; here they are called and checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from eventstore.envelope import AppendResult, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import EventIdReused, VersionConflict
from eventstore.protocol import InlineProjection
from eventstore.validation import check_appends
from eventstore.versions import ExpectedVersion, holds, to_sql

APPEND: Final = (
    "SELECT outcome, versions, positions, recorded_at"
    " FROM eventstore.append($1, $2, $3, $4, $5, $6, $7, $8)"
)
KNOWN_EVENTS: Final = (
    "SELECT known, same, versions, positions, recorded_at FROM eventstore.known_events($1, $2, $3)"
)
COLUMNS: Final = (
    "position, stream_id, version, event_id, type, schema_version, data::text, metadata::text,"
    " recorded_at"
)
LOAD_STREAM: Final = (
    f"SELECT {COLUMNS} FROM eventstore.event"  # noqa: S608 - a constant of this module
    " WHERE stream_id = $1 AND version > $2 ORDER BY version"
)
LOAD_ALL: Final = (
    f"SELECT {COLUMNS} FROM eventstore.event"  # noqa: S608 - a constant of this module
    " WHERE position > $1 AND position <= $2 AND ($3::text[] IS NULL OR type = ANY($3))"
    " ORDER BY position LIMIT $4"
)
SAFE_HEAD: Final = "SELECT eventstore.safe_head()"
ID_CONSTRAINT: Final = "event_event_id_key"


class PostgresEventStore:
    """EventStore over a SQLAlchemy engine on asyncpg. Holds no connection between calls."""

    def __init__(self, engine: AsyncEngine, inline: Sequence[InlineProjection] = ()) -> None:
        self._engine = engine
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._inline = tuple(inline)

    async def save_events(
        self, stream_id: str, events: Sequence[NewEvent], expected_version: ExpectedVersion
    ) -> AppendResult:
        return await self.append([StreamAppend(stream_id, events, expected_version)])

    async def append(self, appends: Sequence[StreamAppend]) -> AppendResult:
        check_appends(appends)
        try:
            async with self._transaction() as connection:
                return await self._append(connection, appends)
        except IntegrityError as error:
            if ID_CONSTRAINT not in str(error.orig):
                raise
            return await self._known(appends)

    def _transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        # One statement is a transaction of its own: BEGIN and COMMIT would be two round trips more.
        return self._engine.begin() if self._inline else self._reading.connect()

    async def _append(
        self, connection: AsyncConnection, appends: Sequence[StreamAppend]
    ) -> AppendResult:
        row = await _fetch_one(connection, APPEND, _arguments(appends))
        match row.outcome:
            case "appended":
                result = _result(row, duplicate=False)
                stored = _stored(appends, result)
                for projection in self._inline:
                    await projection.apply(connection, stored)
                return result
            case "duplicate":
                return _result(row, duplicate=True)
            case "conflict":
                raise _conflict(appends, row.versions)
            case _:
                raise _reused(appends)

    async def _known(self, appends: Sequence[StreamAppend]) -> AppendResult:
        """The ids are taken: by this very append, made before, or by another one."""
        streams, ids, types = zip(
            *((a.stream_id, e.event_id, e.type) for a in appends for e in a.events), strict=True
        )
        async with self._reading.connect() as connection:
            row = await _fetch_one(
                connection, KNOWN_EVENTS, (list(streams), list(ids), list(types))
            )
        if row.same != len(ids):
            raise _reused(appends)
        return _result(row, duplicate=True)

    async def load_events(self, stream_id: str, from_version: int = 0) -> list[StoredEvent]:
        return await self._load(LOAD_STREAM, (stream_id, from_version))

    async def load_all_events(
        self, from_position: int = 0, limit: int = 1000, *, types: Collection[str] | None = None
    ) -> list[StoredEvent]:
        # The head is read first, in a statement of its own: the events below it are then all
        # visible to the snapshot of the next one.
        head = await self.safe_head()
        wanted = None if types is None else list(types)
        return await self._load(LOAD_ALL, (from_position, head, wanted, limit))

    async def safe_head(self) -> int:
        async with self._reading.connect() as connection:
            return int((await connection.exec_driver_sql(SAFE_HEAD)).scalar_one())

    async def _load(self, statement: str, arguments: tuple[Any, ...]) -> list[StoredEvent]:
        async with self._reading.connect() as connection:
            result = await connection.exec_driver_sql(statement, arguments)
            rows: Sequence[Sequence[Any]] = result.all()
        return [StoredEvent(*row) for row in rows]


async def _fetch_one(
    connection: AsyncConnection, statement: str, arguments: tuple[Any, ...]
) -> Row[Any]:
    return (await connection.exec_driver_sql(statement, arguments)).one()


def _arguments(appends: Sequence[StreamAppend]) -> tuple[Any, ...]:
    events = [(i, e) for i, a in enumerate(appends, start=1) for e in a.events]
    return (
        [a.stream_id for a in appends],
        [to_sql(a.expected_version) for a in appends],
        [i for i, _ in events],
        [e.event_id for _, e in events],
        [e.type for _, e in events],
        [e.event.schema_version for _, e in events],
        [e.event.model_dump_json() for _, e in events],
        [e.metadata.model_dump_json(exclude_none=True) for _, e in events],
    )


def _result(row: Row[Any], *, duplicate: bool) -> AppendResult:
    return AppendResult(tuple(row.positions), tuple(row.versions), row.recorded_at, duplicate)


def _stored(appends: Sequence[StreamAppend], result: AppendResult) -> list[StoredEvent]:
    events = [(a.stream_id, e) for a in appends for e in a.events]
    return [
        StoredEvent(
            position=position,
            stream_id=stream_id,
            version=version,
            event_id=new.event_id,
            type=new.type,
            schema_version=new.event.schema_version,
            data_json=new.event.model_dump_json(),
            metadata_json=new.metadata.model_dump_json(exclude_none=True),
            recorded_at=result.recorded_at,
        )
        for (stream_id, new), position, version in zip(
            events, result.positions, result.versions, strict=True
        )
    ]


def _conflict(appends: Sequence[StreamAppend], actual: Sequence[int]) -> VersionConflict:
    return next(
        VersionConflict(a.stream_id, a.expected_version, version)
        for a, version in zip(appends, actual, strict=True)
        if not holds(a.expected_version, version)
    )


def _reused(appends: Sequence[StreamAppend]) -> EventIdReused:
    ids: list[UUID] = [e.event_id for a in appends for e in a.events]
    return EventIdReused([a.stream_id for a in appends], ids)
