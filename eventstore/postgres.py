"""The event store in PostgreSQL. The rules are in sql/; this module calls and checks them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg

from domain.idempotency import KeyedResult, KeyUse
from domain.privacy import fields_in_clear
from eventstore import statements as sql
from eventstore.described import described
from eventstore.envelope import (
    AppendResult,
    EventFilter,
    NewEvent,
    StoredEvent,
    StreamAppend,
)
from eventstore.errors import (
    AppendRolledBack,
    EventIdReused,
    EventStoreError,
    InvalidAppend,
    PositionLost,
    UniqueValueTaken,
    VersionConflict,
)
from eventstore.keys import find_key, record_key
from eventstore.loaded import Decide, Loaded, Wanted, loaded
from eventstore.privacy.vault import Vault
from eventstore.protocol import InlineProjection
from eventstore.repetition import first_result, is_repeated
from eventstore.scan import Scan
from eventstore.snapshots import Snapshot
from eventstore.tail import wakeups
from eventstore.validation import check_appends
from eventstore.versions import ExpectedVersion, holds, to_sql
from kit.pool import Connection, Pool
from observability.tracing import spans
from observability.tracing.spans import Kind

R = TypeVar("R")

FOLLOWED_PAGE: Final = 1000

ID_CONSTRAINT: Final = "event_event_id_key"
READ_MODELS: Final = "readmodel"
"""The schema of the inline read models."""

MAX_DEADLOCKS: Final = 5
"""The number of deadlocks that an append may lose before its caller gets the error."""

ROLLED_BACK: Final = (
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""PostgreSQL's errors for a transaction that could pass at another time: nothing was written."""


class PostgresEventStore:
    """The EventStore over a pool of connections. It holds none between calls.

    A store that appends personal data needs a vault, which encrypts it before the append.
    """

    def __init__(
        self, pool: Pool, inline: Sequence[InlineProjection] = (), vault: Vault | None = None
    ) -> None:
        self._pool = pool
        self._inline = tuple(inline)
        self._vault = vault
        self._scan = Scan(self._load)

    async def save_events(
        self, stream_id: str, events: Sequence[NewEvent], expected_version: ExpectedVersion
    ) -> AppendResult:
        return await self.append([StreamAppend(stream_id, events, expected_version)])

    async def append(self, appends: Sequence[StreamAppend]) -> AppendResult:
        with spans.span("append", Kind.CLIENT) as span:
            if span is not None:
                span.attributes |= described(
                    (a.stream_id, new) for a in appends for new in a.events
                )
            return await self._append_once(appends)

    async def find_key(self, key: KeyUse) -> KeyedResult | None:
        async with self._pool.acquire() as connection:
            return await find_key(connection, key)

    async def record_key(self, key: KeyUse, position: int) -> None:
        async with self._pool.acquire() as connection:
            await record_key(connection, key, position)

    async def _append_once(self, appends: Sequence[StreamAppend]) -> AppendResult:
        check_appends(appends)
        sealed = await self._sealed(appends)
        names = [a.stream_id for a in appends]
        return await self._settled(lambda: self._append(sealed), names, appends)

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        appends: list[StreamAppend] = []

        async def attempt() -> AppendResult | None:
            async with self._pool.acquire() as connection, connection.transaction():
                streams = await _load_streams(connection, sql.LOCK_STREAMS, wanted)
                appends[:] = decide(streams)
                if not appends:
                    return None
                result = await self._append_locked(connection, appends)
                if key is not None:
                    await record_key(connection, key, result.last_position)
                return result

        return await self._settled(attempt, list(wanted), appends)

    async def _append_locked(
        self, connection: Connection, appends: Sequence[StreamAppend]
    ) -> AppendResult:
        check_appends(appends)
        return await self._append_and_project(connection, await self._sealed(appends, connection))

    async def _settled(
        self,
        attempt: Callable[[], Awaitable[R]],
        names: Sequence[str],
        appends: Sequence[StreamAppend],
    ) -> R | AppendResult:
        """Run the attempt to make these appends; return the first result of a repetition."""
        try:
            return await _through_deadlocks(attempt)
        except VersionConflict as conflict:
            return await self._repeated(appends, conflict)
        except asyncpg.UniqueViolationError as violation:
            if violation.schema_name == READ_MODELS:
                raise _taken(appends, violation) from None  # its detail shows the value
            if violation.constraint_name != ID_CONSTRAINT:
                raise
            return await self._repeated(appends, _reused(appends))
        except ROLLED_BACK as error:
            raise AppendRolledBack(names, _cause(error)) from error

    async def _append(self, appends: Sequence[StreamAppend]) -> AppendResult:
        async with self._pool.acquire() as connection:
            if self._inline:
                return await self._append_inline(connection, appends)
            # A single statement is its own transaction: BEGIN and COMMIT would add two round trips.
            return await _append(connection, appends)

    async def _sealed(
        self, appends: Sequence[StreamAppend], connection: Connection | None = None
    ) -> Sequence[StreamAppend]:
        if not any(fields_in_clear(new.event) for a in appends for new in a.events):
            return appends
        if self._vault is None:
            raise InvalidAppend("personal data is never written in clear: give the store a vault")
        return await self._vault.seal(appends, connection)

    async def _append_inline(
        self, connection: Connection, appends: Sequence[StreamAppend]
    ) -> AppendResult:
        async with connection.transaction():
            return await self._append_and_project(connection, appends)

    async def _append_and_project(
        self, connection: Connection, appends: Sequence[StreamAppend]
    ) -> AppendResult:
        """Append and change the inline read models in the transaction of the connection."""
        result = await _append(connection, appends)
        stored = _stored(appends, result)
        for projection in self._inline:
            await projection.apply(connection, stored)
        return result

    async def _repeated(
        self, appends: Sequence[StreamAppend], refusal: EventStoreError
    ) -> AppendResult:
        """Return the first result, if the same append was made before; else raise the refusal."""
        ids = [new.event_id for append in appends for new in append.events]
        stored = {event.event_id: event for event in await self._load(sql.KNOWN_EVENTS, ids)}
        if not stored:
            raise refusal
        if await is_repeated(appends, stored, self._vault):
            return first_result(appends, stored)
        raise _reused(appends, tuple(stored.values()))

    async def load_events(self, stream_id: str, from_version: int = 0) -> list[StoredEvent]:
        return await self._load(sql.LOAD_STREAM, stream_id, from_version)

    async def load_first_events(self, stream_ids: Collection[str]) -> list[StoredEvent]:
        """Return the first event of each of these streams that exists, in any order."""
        return await self._load(sql.LOAD_FIRST, list(stream_ids))

    async def load_streams(self, wanted: Wanted) -> Loaded:
        async with self._pool.acquire() as connection:
            return await _load_streams(connection, sql.LOAD_STREAMS, wanted)

    async def create_snapshots(self, taken: Mapping[str, Snapshot]) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(
                sql.SAVE_SNAPSHOTS,
                list(taken),
                [snapshot.version for snapshot in taken.values()],
                [snapshot.schema for snapshot in taken.values()],
                [snapshot.state_json for snapshot in taken.values()],
            )

    async def load_snapshot(self, stream_id: str) -> Snapshot | None:
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(sql.LOAD_SNAPSHOT, stream_id)
        return None if row is None else Snapshot(*row)

    async def load_all_events(
        self,
        from_position: int = 0,
        limit: int = 1000,
        *,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> list[StoredEvent]:
        wanted = EventFilter(types, categories)
        events: list[StoredEvent] = []
        seen, is_last = from_position, False
        while not is_last and len(events) < limit:
            page, seen, is_last = await self._page(seen, limit - len(events), wanted)
            events += page
        return events

    async def follow(
        self,
        after: int = 0,
        *,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> AsyncGenerator[Sequence[StoredEvent], None]:
        wanted = EventFilter(types, categories)
        last_event_id: UUID | None = None
        while True:
            async with wakeups(self._pool) as word:
                # A restored database is reached over a new connection. So is another standby, which
                # may not have replayed as much.
                while not await self._has_reached(after, last_event_id):
                    await word.wait()
                # The position that was searched, beyond the last event. It is dropped with the
                # connection, since a crash of PostgreSQL may draw the same positions again.
                seen = after
                while word.is_connected:
                    try:
                        page, seen, is_last = await self._page(seen, FOLLOWED_PAGE, wanted)
                    except PositionLost:
                        if seen == after:
                            raise
                        break
                    if page:
                        after, last_event_id = page[-1].position, page[-1].event_id
                        yield page
                    if is_last:
                        await word.wait()

    async def _page(
        self, after: int, limit: int, wanted: EventFilter
    ) -> tuple[list[StoredEvent], int, bool]:
        """Return the next events, the position up to which these are all, and whether that is the
        safe head."""
        # The head is read first, in its own statement: the events below it are then all visible to
        # the snapshot of the next statement.
        head = int((await self._fetchrow(sql.SAFE_HEAD))[0])
        if head < after:  # read lower than before for a moment, or the log has lost its tail
            await self.check_position(after)
        if head <= after:
            return [], after, True
        if wanted.takes_all:
            page = await self._load(sql.LOAD_ALL, after, head, limit)
            seen = page[-1].position if len(page) == limit else head
        else:
            page, seen = await self._scan.next(after, head, limit, wanted)
        return page, seen, seen == head

    async def safe_head(self) -> int:
        # The position of an event, never one that was only drawn. A crash of PostgreSQL may take
        # back the drawing and give the position to an event, which a reader would then skip.
        return int((await self._fetchrow(sql.LAST_SAFE_EVENT))[0])

    async def check_position(self, position: int, event_id: UUID | None = None) -> None:
        await self._has_reached(position, event_id)

    async def _has_reached(self, position: int, event_id: UUID | None) -> bool:
        """Check the position, unless this is a standby that has not replayed so far yet."""
        there = await self._fetchrow(sql.DRAWN_POSITION, position)
        if not there["is_reached"]:
            return False
        if position > there["drawn"] or event_id not in {None, there["event_id"]}:
            raise PositionLost(position, there["drawn"])
        return True

    async def _fetchrow(self, statement: str, *arguments: object) -> asyncpg.Record:
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(statement, *arguments)
        assert row is not None  # noqa: S101 - each of these statements returns one row
        return row

    async def _load(self, statement: str, *arguments: object) -> list[StoredEvent]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(statement, *arguments)
        return [StoredEvent(*row) for row in rows]


async def _through_deadlocks(attempt: Callable[[], Awaitable[R]]) -> R:
    """Try again after a deadlock: the winner may have appended the same ids."""
    for _ in range(MAX_DEADLOCKS):
        with suppress(asyncpg.DeadlockDetectedError):
            return await attempt()
    return await attempt()


async def _load_streams(connection: Connection, statement: str, wanted: Wanted) -> Loaded:
    starts = zip(*wanted.values(), strict=True)
    return loaded(wanted, await connection.fetch(statement, list(wanted), *map(list, starts)))


async def _append(connection: Connection, appends: Sequence[StreamAppend]) -> AppendResult:
    try:
        return await _append_events(connection, appends)
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
        # For example a number that is too large, or arrays that are nested too deep.
        raise InvalidAppend(f"PostgreSQL cannot store these events ({_cause(error)})") from error


async def _append_events(connection: Connection, appends: Sequence[StreamAppend]) -> AppendResult:
    if len(appends) == 1 and len(appends[0].events) == 1:
        return await _append_event(connection, appends[0], appends[0].events[0])
    row = await connection.fetchrow(sql.APPEND, *_arguments(appends))
    assert row is not None  # noqa: S101 - the function returns one row
    if row["positions"] is None:
        raise _conflict(appends, row["versions"])
    return AppendResult(
        tuple(row["positions"]), tuple(row["versions"]), row["recorded_at"], duplicate=False
    )


async def _append_event(
    connection: Connection, append: StreamAppend, new: NewEvent
) -> AppendResult:
    row = await connection.fetchrow(
        sql.APPEND_EVENT,
        append.stream_id,
        to_sql(append.expected_version),
        new.event_id,
        new.type,
        new.event.schema_version,
        new.data_json,
        new.metadata.json_text,
    )
    assert row is not None  # noqa: S101 - the function returns one row
    version, position, recorded_at = row
    if position is None:
        raise VersionConflict(append.stream_id, append.expected_version, version)
    return AppendResult((position,), (version,), recorded_at, duplicate=False)


def _arguments(appends: Sequence[StreamAppend]) -> tuple[Any, ...]:
    events = [(i, e) for i, a in enumerate(appends, start=1) for e in a.events]
    return (
        [a.stream_id for a in appends],
        [to_sql(a.expected_version) for a in appends],
        [i for i, _ in events],
        [e.event_id for _, e in events],
        [e.type for _, e in events],
        [e.event.schema_version for _, e in events],
        [e.data_json for _, e in events],
        [e.metadata.json_text for _, e in events],
    )


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
            data_json=new.data_json,
            metadata_json=new.metadata.json_text,
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


def _reused(appends: Sequence[StreamAppend], stored: Sequence[StoredEvent] = ()) -> EventIdReused:
    ids = [e.event_id for a in appends for e in a.events]
    return EventIdReused([a.stream_id for a in appends], ids, stored)


def _taken(
    appends: Sequence[StreamAppend], violation: asyncpg.UniqueViolationError
) -> UniqueValueTaken:
    return UniqueValueTaken([a.stream_id for a in appends], violation.constraint_name or "")


def _cause(error: asyncpg.PostgresError) -> str:
    """Name the error without its message, which may show data."""
    return f"{error.sqlstate} {type(error).__name__}"
