"""A log in memory that answers a repeated append as the real log does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from domain.idempotency import KeyedResult, KeyUse, key_reused
from eventstore.envelope import AppendResult, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import EventIdReused, KeyTaken
from eventstore.loaded import Decide, Loaded, LoadedStream, Wanted
from eventstore.repetition import first_result, is_repeated


class MemoryLog:
    """The part of an EventStore that a CommandHandler uses; there is one writer."""

    def __init__(self) -> None:
        self._streams: defaultdict[str, list[StoredEvent]] = defaultdict(list)
        self._by_id: dict[UUID, StoredEvent] = {}
        self._keys: dict[UUID, tuple[KeyUse, int]] = {}

    async def load_events(self, stream_id: str, from_version: int = 0) -> list[StoredEvent]:
        return self._streams[stream_id][from_version:]

    async def load_streams(self, wanted: Wanted) -> Loaded:
        return {name: LoadedStream(self._streams[name]) for name in wanted}

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        appends = decide(await self.load_streams(wanted))
        if not appends:
            return None
        result = await self.append(appends)
        if key is not None and not result.duplicate:
            await self.record_key(key, result.last_position)
        return result

    async def create_snapshots(self, taken: object) -> None:
        """Keep no snapshot."""

    async def find_key(self, key: KeyUse) -> KeyedResult | None:
        known = self._keys.get(key.id)
        if known is None:
            return None
        used, position = known
        if used.fingerprint != key.fingerprint:
            raise key_reused()
        return KeyedResult(position, used.call)

    async def record_key(self, key: KeyUse, position: int) -> None:
        if key.id in self._keys:
            raise KeyTaken
        self._keys[key.id] = (key, position)

    async def append(self, appends: Sequence[StreamAppend]) -> AppendResult:
        ids = [new.event_id for append in appends for new in append.events]
        stored = {event_id: self._by_id[event_id] for event_id in ids if event_id in self._by_id}
        if not stored:
            events = list(self._store(appends))
            result = first_result(appends, {event.event_id: event for event in events})
            return AppendResult(result.positions, result.versions, result.recorded_at, False)
        if await is_repeated(appends, stored, vault=None):
            return first_result(appends, stored)
        raise EventIdReused([append.stream_id for append in appends], ids, [*stored.values()])

    def _store(self, appends: Sequence[StreamAppend]) -> Iterator[StoredEvent]:
        for append in appends:
            for new in append.events:
                event = self._stored(append.stream_id, new)
                self._streams[append.stream_id].append(event)
                self._by_id[event.event_id] = event
                yield event

    def _stored(self, stream_id: str, new: NewEvent) -> StoredEvent:
        return StoredEvent(
            position=len(self._by_id) + 1,
            stream_id=stream_id,
            version=len(self._streams[stream_id]) + 1,
            event_id=new.event_id,
            type=new.type,
            schema_version=new.event.schema_version,
            data_json=new.data_json,
            metadata_json=new.metadata.json_text,
            recorded_at=datetime.now(UTC),
        )
