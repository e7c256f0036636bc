"""Cache recent values: a mapping that drops the least recently used one, and shared reads."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of this key, made now if there is none. An error of `make` is raised."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > self._limit:
            self._values.popitem(last=False)
        return value

    def forget(self, key: K) -> None:
        self._values.pop(key, None)


class SharedReads(Generic[K, V]):
    """Read a value once for all callers that ask for it at about the same time."""

    def __init__(self, limit: int) -> None:
        self._reads: Recent[K, asyncio.Task[V]] = Recent(limit)

    async def read(self, key: K, read: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the value of this key. A caller that is cancelled leaves the read to the others.

        An error is raised to every caller, and the next one reads again.
        """
        reading = self._reads.get_or_make(key, lambda: asyncio.create_task(read()))
        try:
            return await asyncio.shield(reading)
        except Exception:
            self._reads.forget(key)
            raise
