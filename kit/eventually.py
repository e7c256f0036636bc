"""Wait for a fact that no event announces."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Final

FIRST_PAUSE_SECONDS: Final = 0.01
MAX_PAUSE_SECONDS: Final = 0.1
GROWTH: Final = 1.3
"""A look costs a processor milliseconds, which those who make the fact hold lack."""

Fact = Callable[[], object]
"""It holds if its answer, or the answer that it lets wait for, is true."""


async def eventually(fact: Fact, seconds: float | None = 30, every: float | None = None) -> None:
    """Wait until the fact holds; without `seconds`, however long it takes. Raises TimeoutError.

    Look at it `every` so many seconds, by default less and less often.
    """
    pause = FIRST_PAUSE_SECONDS if every is None else every
    async with asyncio.timeout(seconds):
        while not await _holds(fact):
            await asyncio.sleep(pause)
            if every is None:
                pause = min(pause * GROWTH, MAX_PAUSE_SECONDS)


async def _holds(fact: Fact) -> bool:
    answer = fact()
    return bool(await answer if inspect.isawaitable(answer) else answer)
