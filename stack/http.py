"""Readiness over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx


def answers(url: str) -> Callable[[int], Awaitable[bool]]:
    """A probe: whether a GET of this URL is answered with success."""

    async def is_ready(_pid: int) -> bool:
        try:
            # Loopback never goes by way of a proxy that the environment names.
            async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
                return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False

    return is_ready
