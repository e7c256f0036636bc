"""Probe the readiness of a server over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from kit.local_http import local_client


def answers(url: str) -> Callable[[int], Awaitable[bool]]:
    """Return a probe that succeeds when a GET of this URL does."""

    async def is_ready(_pid: int) -> bool:
        try:
            async with local_client(timeout=2.0) as client:
                return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False

    return is_ready
