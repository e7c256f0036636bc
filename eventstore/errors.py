"""The store's own errors. When an append raises one, nothing has been written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from eventstore.versions import ExpectedVersion, describe
from kit.restart import ServerAway

if TYPE_CHECKING:
    from eventstore.envelope import StoredEvent


class EventStoreError(Exception):
    """Base of the store's own errors."""


class InvalidAppend(EventStoreError):
    """The arguments of an append are not acceptable; the message says which and why."""


class VersionConflict(EventStoreError):
    """A stream is at another version than the caller expected: load it again and decide anew."""

    def __init__(self, stream_id: str, expected: ExpectedVersion, actual: int) -> None:
        super().__init__(f"stream {stream_id}: expected {describe(expected)}, is at {actual}")
        self.stream_id = stream_id
        self.expected = expected
        self.actual = actual


class EventIdReused(EventStoreError):
    """Some of the event ids are in the log already, but this append is no repetition.

    `stored` holds the events that the log has under these ids.
    """

    def __init__(
        self,
        stream_ids: Sequence[str],
        event_ids: Sequence[UUID],
        stored: Sequence[StoredEvent] = (),
    ) -> None:
        super().__init__(
            f"append to {', '.join(stream_ids)}: of its {len(event_ids)} event ids some are in the "
            "log with other streams, types or data; an id is derived from one step and used for it "
            "alone"
        )
        self.stream_ids = tuple(stream_ids)
        self.event_ids = tuple(event_ids)
        self.stored = tuple(stored)


class UniqueValueTaken(EventStoreError):
    """An inline read model has another row with a value that must be unique."""

    def __init__(self, stream_ids: Sequence[str], constraint: str) -> None:
        super().__init__(f"append to {', '.join(stream_ids)}: {constraint} is violated")
        self.constraint = constraint


class KeyTaken(EventStoreError):
    """Another call has recorded the idempotency key: find its result."""

    def __init__(self) -> None:
        super().__init__("the idempotency key is recorded already: read its result")


class AppendRolledBack(EventStoreError):
    """PostgreSQL ended the append before its commit: append the same events again."""

    def __init__(self, stream_ids: Sequence[str], cause: str) -> None:
        super().__init__(
            f"append to {', '.join(stream_ids)}: PostgreSQL rolled it back ({cause}); append the "
            "same events again"
        )
        self.stream_ids = tuple(stream_ids)


class PositionLost(EventStoreError):
    """A reader's position is not in the log: a failover or a restore has lost the log's tail."""

    def __init__(self, position: int, drawn: int) -> None:
        super().__init__(
            f"position {position} is not in the log, which has drawn {drawn}: a failover or a "
            "restore has lost the newest events; read again from an earlier position"
        )
        self.position = position
        self.drawn = drawn


class UnsafeSequence(EventStoreError, asyncpg.PostgresError):
    """No position can be drawn safely from the sequence; the hint says how to repair it.

    The role lacks a grant, or the sequence was restarted, set back, or altered. Raised by
    eventstore/sql/refuse_position.sql; asyncpg finds this class by its SQLSTATE.
    """

    sqlstate = "WB001"


class SafeHeadUnknown(EventStoreError, ServerAway, asyncpg.PostgresError):
    """This connection cannot know the safe head: read the head from the primary.

    Raised by eventstore/sql/announce_head.sql on a standby, and by safe_head.sql in a transaction
    that keeps its snapshot.
    """

    sqlstate = "WB002"


class UnknownEventType(EventStoreError):
    """The log holds an event that this version of the code cannot read."""

    def __init__(self, event_id: UUID, type_name: str, schema_version: int, advice: str) -> None:
        super().__init__(
            f"event {event_id} is of type {type_name}, schema version {schema_version}: {advice}"
        )
        self.event_id = event_id
        self.type = type_name
        self.schema_version = schema_version


class UnknownSchemaVersion(UnknownEventType):
    """The type is known; this version of its fields is newer than the code, or invalid."""


class MissingUpcaster(UnknownEventType):
    """The type and the version are known, but a step from that version to the current one is
    missing."""
