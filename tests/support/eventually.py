"""Wait for a fact that no event announces."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.01


async def eventually(fact: Callable[[], bool | Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until the fact holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await _holds(fact):  # noqa: ASYNC110 - nothing wakes the test
            await asyncio.sleep(POLL_SECONDS)


async def _holds(fact: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = fact()
    return await answer if inspect.isawaitable(answer) else answer
