from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from domain.idempotency import KeyedResult, KeyUse
from eventstore.envelope import AppendResult, NewEvent, StoredEvent, StreamAppend
from eventstore.loaded import Decide, Loaded, Wanted
from eventstore.snapshots import Snapshot
from eventstore.versions import ExpectedVersion
from kit.pool import Connection


class InlineProjection(Protocol):
    """A read model that is changed in the transaction that appends the events."""

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None: ...


class EventStore(Protocol):
    """An append-only log of events in streams, with one global order."""

    async def save_events(
        self, stream_id: str, events: Sequence[NewEvent], expected_version: ExpectedVersion
    ) -> AppendResult:
        """Append to one stream: see append()."""

    async def append(self, appends: Sequence[StreamAppend]) -> AppendResult:
        """Append to several streams, all or none, and change the inline read models with them.

        Appending the same events again returns the first result and changes nothing. Raises
        InvalidAppend, VersionConflict, EventIdReused, UniqueValueTaken or AppendRolledBack; then
        nothing has been written. After a lost connection (pool.CONNECTION_LOST) only a repetition
        of the same append finds out whether it was written.
        """

    async def find_key(self, key: KeyUse) -> KeyedResult | None:
        """Return the first result under this key. Raises Refused when its input was another one."""

    async def record_key(self, key: KeyUse, position: int) -> None:
        """Record the key of a request that has appended nothing. Raises KeyTaken."""

    async def load_events(self, stream_id: str, from_version: int = 0) -> list[StoredEvent]:
        """Return the stream's events with a version above `from_version`, in order."""

    async def load_streams(self, wanted: Wanted) -> Loaded:
        """Return these streams, each from its snapshot on if it has one of the wanted shape."""

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        """Lock these streams, load them, and append what `decide` returns for them.

        Return None if that is nothing. No other append changes the streams between the load and the
        append, so that a decision is never out of date and nobody starts over. The locks are taken
        in one order for all writers. What is appended records the idempotency key in the same
        transaction. What `decide` raises is raised, and nothing is written; so is KeyTaken. The
        errors are otherwise those of append().
        """

    async def create_snapshots(self, taken: Mapping[str, Snapshot]) -> None:
        """Store the snapshot of each stream, unless a newer one of the same shape is stored
        already."""

    async def load_snapshot(self, stream_id: str) -> Snapshot | None: ...

    async def load_all_events(
        self,
        from_position: int = 0,
        limit: int = 1000,
        *,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> list[StoredEvent]:
        """Return events of all streams above `from_position`, in order, up to the safe head.

        `types` and `categories` (the first part of a stream's name) restrict them.

        A reader that continues from the position of its last event misses none. Raises PositionLost
        for a position that the log has not drawn. Raises UnsafeSequence where the database needs an
        operator. On a standby, the safe head is the one that the leader last announced.
        """

    def follow(
        self,
        after: int = 0,
        *,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> AsyncGenerator[Sequence[StoredEvent], None]:
        """Yield the events above `after`, in order, in pages, and then new ones. Endless.

        A database that cannot be read ends it with an error: start again after the last event. A
        log that has lost its tail ends it with PositionLost: start again further back.
        """

    async def check_position(self, position: int, event_id: UUID | None = None) -> None:
        """Raise PositionLost if the log has not drawn this position, or if another event than this
        one is at it. A standby does not check a position that it has not replayed yet."""

    async def safe_head(self) -> int:
        """Return the position of the newest event at and below which no event can appear later."""
