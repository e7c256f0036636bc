"""Keep the order of each stream over calls that run at the same time.

An event may be sent once the bus keeps the one before it in its stream. So one that fails is never
overtaken. The calls whose events are behind it fail too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from eventbus.errors import BusUnavailable
from eventstore.envelope import StoredEvent


class Place:
    """An event in the order of its stream."""

    __slots__ = ("call", "event", "is_kept", "next", "sequence")

    def __init__(self, call: Call, event: StoredEvent) -> None:
        self.call = call
        self.event = event
        self.is_kept = False
        self.next: Place | None = None
        """The event behind it, which waits for it."""
        self.sequence = 0
        """The number by which the bus claims to have the event already; 0: it makes no claim."""


class Call:
    """The events of one call."""

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        self.places = [Place(self, event) for event in events]
        self.failure: Exception | None = None
        self.first_sequence = 0
        self.last_sequence = 0
        self._left = len(self.places)
        self._claimed: list[Place] = []
        self._word = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        return self.failure is not None or not self._left

    async def claimed(self) -> Sequence[Place]:
        """Wait for events that the bus claims to have already; return none once it keeps them all.

        The caller checks each of them, and then calls `keep` or `send_again`. Raises the failure.
        """
        while not (self._claimed or self.has_ended):
            self._word.clear()
            await self._word.wait()
        if self.failure is not None:
            raise self.failure
        claimed, self._claimed = self._claimed, []
        return claimed

    def claim(self, place: Place, sequence: int) -> None:
        place.sequence = sequence
        self._claimed.append(place)
        self._word.set()

    def note_new(self, sequence: int) -> None:
        """Note the number that the bus gave to an event."""
        self.first_sequence = min(sequence, self.first_sequence or sequence)
        self.last_sequence = max(sequence, self.last_sequence)

    def note_kept(self) -> None:
        self._left -= 1
        if not self._left:
            self._word.set()

    def fail(self, failure: Exception) -> None:
        self.failure = failure
        self._word.set()


class Order:
    def __init__(self) -> None:
        self.ready: deque[Place] = deque()
        """The events that may be sent now; those of a call that has ended are left out."""
        self._last: dict[str, Place] = {}

    @contextmanager
    def taken(self, events: Sequence[StoredEvent]) -> Iterator[Call]:
        """Yield a call for these events, behind those that were taken before.

        When the block ends before the bus keeps them all, the calls behind it fail.
        """
        call = Call(events)
        for place in call.places:
            self._take(place)
        try:
            yield call
        finally:
            self.fail(call, BusUnavailable("the call has ended"))
            for place in call.places:
                if self._last.get(place.event.stream_id) is place:
                    del self._last[place.event.stream_id]

    def _take(self, place: Place) -> None:
        before = self._last.get(place.event.stream_id)
        self._last[place.event.stream_id] = place
        if before is None or before.is_kept:
            self.ready.append(place)
            return
        before.next = place
        if before.call.failure is not None:
            self.fail(place.call, _behind_a_failure())

    def keep(self, place: Place) -> None:
        """Note that the bus keeps the event: the one behind it may be sent."""
        place.is_kept = True
        place.call.note_kept()
        if place.next is not None:
            self.ready.appendleft(place.next)

    def send_again(self, place: Place) -> None:
        self.ready.appendleft(place)

    def fail(self, call: Call, failure: Exception) -> None:
        """End the call, unless it has ended, and those whose events wait for its events."""
        if call.has_ended:
            return
        call.fail(failure)
        for place in call.places:
            if place.next is not None and not place.is_kept:
                self.fail(place.next.call, _behind_a_failure())


def _behind_a_failure() -> BusUnavailable:
    return BusUnavailable("an earlier event of the same stream was not published")
