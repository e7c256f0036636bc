"""The one HTTP client of this package: pooled, with explicit time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from providers.errors import ProviderUnavailable

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 8.0
POOL = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=30)

SAYS_NOTHING: Final = frozenset({401, 403, 408, 425, 429})
"""Statuses that are about our key or about the moment: the same request may yet succeed.

Were they refusals, a key that has expired would cancel every order.
"""

# A proxy named in the environment can not reach this machine's loopback.
_NEVER_PROXIED = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}


def pooled_client(base_url: str = "", headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client to share between all calls of one event loop; the owner closes it."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        limits=POOL,
        mounts=_NEVER_PROXIED,
    )


@asynccontextmanager
async def answering(provider: str, operation: str, total_seconds: float) -> AsyncIterator[None]:
    """Bound all requests of one operation in time; no answer is ProviderUnavailable.

    The original error is cut off: it can hold the request, and that the customer's data.
    """
    try:
        async with asyncio.timeout(total_seconds):
            yield
    except (TimeoutError, httpx.TimeoutException):
        raise ProviderUnavailable(provider, operation, "timeout") from None
    except httpx.HTTPError:
        raise ProviderUnavailable(provider, operation, "connection") from None
