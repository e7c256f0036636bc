"""The only HTTP client of this package: pooled, with explicit time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import Final

import httpx

from observability.tracing import spans
from observability.tracing.spans import PROVIDER, Kind
from observability.work import PROVIDER_SECONDS
from providers.errors import ProviderRefused, ProviderUnavailable

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 8.0
POOL = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=30)

SAYS_NOTHING: Final = frozenset({401, 403, 408, 425, 429})
"""The statuses that concern the API key or the moment: the same request may succeed later.

If they were refusals, an expired key would cancel every order.
"""

# A proxy named in the environment cannot reach this machine's loopback.
_NEVER_PROXIED = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}


def pooled_client(base_url: str = "", headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """Return a client to share between all calls of one event loop; the owner closes it."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        limits=POOL,
        mounts=_NEVER_PROXIED,
    )


@asynccontextmanager
async def answering(provider: str, operation: str, total_seconds: float) -> AsyncIterator[None]:
    """Limit the time of all requests of one operation; no answer raises ProviderUnavailable.

    The original error is cut off: it can hold the request, and with it the customer's data.
    """
    with spans.span(f"{provider} {operation}", Kind.CLIENT, {PROVIDER: provider}):
        try:
            async with asyncio.timeout(total_seconds):
                yield
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderUnavailable(provider, operation, "timeout", is_outage=True) from None
        except httpx.HTTPError:
            raise ProviderUnavailable(provider, operation, "connection", is_outage=True) from None


@contextmanager
def timed(provider: str, operation: str) -> Iterator[None]:
    """Record the duration and the outcome of one operation. A cancelled one has no outcome."""
    outcome, began = "ok", perf_counter()
    try:
        yield
    except ProviderRefused:
        outcome = "refused"
        raise
    except Exception:
        outcome = "unavailable"
        raise
    except BaseException:
        outcome = ""
        raise
    finally:
        if outcome:
            seconds = PROVIDER_SECONDS.labels(provider, operation, outcome)
            seconds.observe(perf_counter() - began)
