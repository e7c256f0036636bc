"""The streams that a decision needs: loaded in one statement, from their snapshots on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventstore.envelope import StoredEvent, StreamAppend
from eventstore.snapshots import Snapshot

Wanted = Mapping[str, str | None]
"""By stream: the shape that its snapshot must have, or None to load every event."""


@dataclass(frozen=True, slots=True)
class LoadedStream:
    stored: Sequence[StoredEvent] = ()
    """All events, or those from the event on that the snapshot was taken after."""
    snapshot: Snapshot | None = None


Loaded = Mapping[str, LoadedStream]
Decide = Callable[[Loaded], Sequence[StreamAppend]]
"""Return the events for the streams as they are. It is short and calls nothing that waits."""


def loaded(wanted: Wanted, rows: Iterable[Iterable[Any]]) -> Loaded:
    """Return each stream of the rows of eventstore/sql/load_streams.sql."""
    events: dict[str, list[StoredEvent]] = {name: [] for name in wanted}
    snapshots: dict[str, Snapshot] = {}
    for *columns, state in rows:
        event = StoredEvent(*columns)
        events[event.stream_id].append(event)
        schema = wanted[event.stream_id]
        if state is not None and schema is not None:
            snapshots[event.stream_id] = Snapshot(event.version, schema, state, event.event_id)
    return {name: LoadedStream(events[name], snapshots.get(name)) for name in wanted}
