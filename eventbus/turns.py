"""Keep the order of each stream over calls that run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


class Turn:
    """The place of one call in the queue of a stream."""

    def __init__(self, before: Turn | None) -> None:
        self._before = before
        self._is_passed_on = asyncio.get_running_loop().create_future()

    async def comes(self) -> bool:
        """Wait for the call before this one; return whether it published its events."""
        if self._before is None:
            return True
        await asyncio.wait({self._before._is_passed_on})
        before, self._before = self._before, None  # or all earlier turns would stay in memory
        return before._is_passed_on.result() is True

    def pass_on(self) -> None:
        """Note that the events of this call are published."""
        self.end(is_published=True)

    def end(self, *, is_published: bool) -> None:
        if not self._is_passed_on.done():
            self._is_passed_on.set_result(is_published)


class Turns:
    def __init__(self) -> None:
        self._last: dict[str, Turn] = {}

    @contextmanager
    def taken(self, streams: Iterable[str]) -> Iterator[Mapping[str, Turn]]:
        """Yield a turn for each stream, behind those that were taken before.

        A turn that was not passed on until the block ends has failed, and those behind it fail.
        """
        turns = {stream: Turn(self._last.get(stream)) for stream in streams}
        self._last.update(turns)
        try:
            yield turns
        finally:
            for stream, turn in turns.items():
                turn.end(is_published=False)
                if self._last.get(stream) is turn:
                    del self._last[stream]
