"""Wait for a fact that no event announces."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Final

POLL_SECONDS: Final = 0.01

Fact = Callable[[], object]
"""It holds if its answer, or the answer that it lets wait for, is true."""


async def eventually(fact: Fact, seconds: float | None = 30, every: float = POLL_SECONDS) -> None:
    """Wait until the fact holds; without `seconds`, however long it takes. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await _holds(fact):  # noqa: ASYNC110 - nothing wakes the caller
            await asyncio.sleep(every)


async def _holds(fact: Fact) -> bool:
    answer = fact()
    return bool(await answer if inspect.isawaitable(answer) else answer)
