"""Run many calls, a few of them at the same time."""

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
"""The calls that run at the same time. After as many failures in a row, the fault is not in the
items."""


class NotStarted(Exception):
    """The earlier calls failed one after the other, or used up the time."""


@dataclass(frozen=True, slots=True)
class GatherResult(Generic[T, R]):
    """The results, in the order of the items."""

    results: dict[T, R] = field(default_factory=dict)
    left: dict[T, Exception] = field(default_factory=dict)
    """The items that were not done, with the reasons."""

    def all(self) -> list[R]:
        """Return all results; raise the first error if an item was left."""
        for error in self.left.values():
            raise error
        return list(self.results.values())

    def raise_if_nothing_was_done(self) -> None:
        """Raise the first error if no item was done: the fault is then in no single item."""
        if self.left and not self.results:
            raise next(iter(self.left.values()))


async def bounded_gather(
    items: Collection[T], work: Callable[[T], Awaitable[R]], *, seconds: float = math.inf
) -> GatherResult[T, R]:
    """Run the work for all items, a few at a time; start none after `seconds`.

    A failed item is left and stops no other. When a few items in a row fail, the shared dependency
    is down, and the remaining items are not started.
    """
    calls = _Calls(work, time.monotonic() + seconds)
    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(calls.run(item))
    return GatherResult(
        {item: calls.results[item] for item in items if item in calls.results},
        {item: calls.left[item] for item in items if item in calls.left},
    )


class _Calls(Generic[T, R]):
    def __init__(self, work: Callable[[T], Awaitable[R]], last_start: float) -> None:
        self._work = work
        self._last_start = last_start
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)
        self._failed_in_a_row = 0
        self.results: dict[T, R] = {}
        self.left: dict[T, Exception] = {}

    async def run(self, item: T) -> None:
        async with self._gate:
            if self._failed_in_a_row >= MAX_AT_ONCE or time.monotonic() > self._last_start:
                self.left[item] = NotStarted()
                return
            try:
                self.results[item] = await self._work(item)
            except Exception as error:  # noqa: BLE001 - the caller gets it
                self.left[item] = error
                self._failed_in_a_row += 1
            else:
                self._failed_in_a_row = 0
