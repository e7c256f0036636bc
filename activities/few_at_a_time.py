"""Many things to do, of which a few are done at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

FEW: Final = 10


async def each(items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do it for all, a few at a time. The first error is raised once all have had their turn."""
    gate = asyncio.Semaphore(FEW)

    async def one(item: T) -> R:
        async with gate:
            return await work(item)

    done = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if not isinstance(result, BaseException)]
