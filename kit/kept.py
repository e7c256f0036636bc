"""Share one answer among all callers that ask at about the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Make an answer on request, and return it again until it is too old.

    One task at a time makes it, for any number of waiting callers.
    """

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._making: asyncio.Task[T] | None = None
        self._asked_at = 0.0

    async def get(self) -> T:
        """Return the answer. An error of making it is raised, and not kept."""
        if self._making is None or self._is_old(self._making):
            self._asked_at = asyncio.get_running_loop().time()
            self._making = asyncio.ensure_future(self._made())
        return await asyncio.shield(self._making)

    async def _made(self) -> T:
        return await self._make()

    def _is_old(self, making: asyncio.Task[T]) -> bool:
        if not making.done():
            return False
        failed = making.cancelled() or making.exception() is not None
        return failed or asyncio.get_running_loop().time() - self._asked_at >= self._seconds
