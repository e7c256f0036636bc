"""Many things to do, of which a few are done at the same time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MAX_AT_ONCE: Final = 10
"""At the same time; and so many that fail one after the other are not at fault themselves."""


class NotStarted(Exception):
    """The others had failed one after the other, or had taken all the time."""


@dataclass(frozen=True, slots=True)
class GatherResult(Generic[T, R]):
    """In the order of the items."""

    results: dict[T, R] = field(default_factory=dict)
    left: dict[T, Exception] = field(default_factory=dict)
    """What was not done, and why."""

    def all(self) -> list[R]:
        """Raises the first error where anything was left."""
        for error in self.left.values():
            raise error
        return list(self.results.values())

    def raise_if_nothing_was_done(self) -> None:
        """Then it is no fault of a single item."""
        if self.left and not self.results:
            raise next(iter(self.left.values()))


async def bounded_gather(
    items: Collection[T], work: Callable[[T], Awaitable[R]], *, seconds: float = math.inf
) -> GatherResult[T, R]:
    """Do it for all, a few at a time, and begin none after so many seconds.

    One that fails is left, and stops no other. Only when a few have failed one after the other,
    whoever they all ask does not answer, and the rest is not begun.
    """
    turn = _Turn(work, time.monotonic() + seconds)
    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(turn.take(item))
    return GatherResult(
        {item: turn.results[item] for item in items if item in turn.results},
        {item: turn.left[item] for item in items if item in turn.left},
    )


class _Turn(Generic[T, R]):
    def __init__(self, work: Callable[[T], Awaitable[R]], last_begin: float) -> None:
        self._work = work
        self._last_begin = last_begin
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)
        self._failed_in_a_row = 0
        self.results: dict[T, R] = {}
        self.left: dict[T, Exception] = {}

    async def take(self, item: T) -> None:
        async with self._gate:
            if self._failed_in_a_row >= MAX_AT_ONCE or time.monotonic() > self._last_begin:
                self.left[item] = NotStarted()
                return
            try:
                self.results[item] = await self._work(item)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told to the caller
                self.left[item] = error
                self._failed_in_a_row += 1
            else:
                self._failed_in_a_row = 0
