"""The streams that a decision needs: loaded in one statement, from a known state on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from eventstore.envelope import StoredEvent, StreamAppend
from eventstore.snapshots import Snapshot


class Start(NamedTuple):
    """The events of a stream that its reader can do without. By default it needs all of them."""

    schema: str | None = None
    """The shape of the snapshots that the reader can restore."""
    version: int | None = None
    event_id: UUID | None = None
    """The event after which the reader knows the state, if it is still in the stream."""


Wanted = Mapping[str, Start]
"""By stream."""


@dataclass(frozen=True, slots=True)
class LoadedStream:
    stored: Sequence[StoredEvent] = ()
    """All events, or those from the event on after which the state is known."""
    snapshot: Snapshot | None = None
    """The snapshot that was taken after the first of these events."""


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
        schema = wanted[event.stream_id].schema
        if state is not None and schema is not None:
            snapshots[event.stream_id] = Snapshot(event.version, schema, state, event.event_id)
    return {name: LoadedStream(events[name], snapshots.get(name)) for name in wanted}
