"""Follow a source that may be silent for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


async def with_pauses(items: AsyncIterator[T], pause: timedelta) -> AsyncGenerator[T | None, None]:
    """Yield the items, and None when none has come for the time of `pause`."""
    upcoming = asyncio.ensure_future(anext(items))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=pause.total_seconds())
            if not upcoming.done():
                yield None
                continue
            try:
                item = upcoming.result()
            except StopAsyncIteration:
                return
            yield item
            upcoming = asyncio.ensure_future(anext(items))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
