"""Hand out the partitions that have messages, each to one user at a time."""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar


class HasMessages(Protocol):
    @property
    def has_messages(self) -> bool: ...


T = TypeVar("T", bound=HasMessages)


class Ready(Generic[T]):
    def __init__(self) -> None:
        self._queue: asyncio.Queue[T | BaseException] = asyncio.Queue()
        self._out: set[int] = set()

    def offer(self, partition: T) -> None:
        """Note that the partition may have messages."""
        if partition.has_messages and not self.is_out(partition):
            self._out.add(id(partition))
            self._queue.put_nowait(partition)

    def is_out(self, partition: T) -> bool:
        """Return whether it is in use, or waits for a user."""
        return id(partition) in self._out

    async def next(self) -> T:
        """Return the partition that has waited longest. Raises what fail() was given."""
        item = await self._queue.get()
        if isinstance(item, BaseException):
            self._queue.put_nowait(item)
            raise item
        return item

    def give_back(self, partition: T) -> None:
        self._out.discard(id(partition))
        self.offer(partition)

    def fail(self, error: BaseException) -> None:
        """End the use of all partitions."""
        self._queue.put_nowait(error)
