"""Remember the newest states of streams that many write, so that only newer events are loaded.

The stock of a product that sells well has thousands of open reservations and a dozen new events
between two of its snapshots. A state is used only while its last event is in the stream.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.aggregate import Aggregate
from eventstore.loaded import LoadedStream

MAX_STATES: Final = 2_000
"""The streams whose states are kept: those that were used last."""


class KnownState(NamedTuple):
    """The state after the event with this version and id."""

    state: Any
    version: int
    event_id: UUID

    def begins(self, found: LoadedStream) -> bool:
        """Return whether the loaded events begin at the event after which this is the state."""
        first = found.stored[0] if found.stored else None
        return first is not None and (first.version, first.event_id) == self[1:]


class KnownStates:
    def __init__(self) -> None:
        self._states: OrderedDict[str, KnownState] = OrderedDict()

    def of(self, stream_id: str) -> KnownState | None:
        return self._states.get(stream_id)

    def keep(self, aggregate: Aggregate[Any], stream_id: str, known: KnownState) -> None:
        """Keep the state of a stream that may become long: those have snapshots too."""
        if aggregate.snapshot_every is None:
            return
        self._states[stream_id] = known
        self._states.move_to_end(stream_id)
        if len(self._states) > MAX_STATES:
            self._states.popitem(last=False)
