"""Limit the request rate of each principal and each address in this process.

Each of them has a token bucket. The buckets live in this process, so n API processes allow n times
the rate. Behind a trusted proxy, the address is the one that the proxy names.
"""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import RequestErrorCode, as_json
from settings import Settings, SettingsError

SAGA_REQUESTS_PER_SECOND: Final = 0.5
SAGA_REQUEST_BURST_SECONDS: Final = 120.0
"""A customer may ask sagas for 60 changes at once, and then for one every 2 s. A workflow accepts
2,000 updates in its life."""
BURST_SECONDS: Final = 2.0
"""A bucket holds the tokens of this many seconds."""
MAX_BUCKETS: Final = 20_000
"""Beyond this number, the least recently used bucket is dropped and starts full again."""
UNLIMITED_PATHS: Final = ("/webhooks/", "/healthz", "/readyz", "/metrics")
"""Providers control the rate of webhooks. A refused probe would take the process out of service."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_WITH_PORT: Final = re.compile(r"\[([^]]+)](?::\d+)?|([\d.]+):\d+")
"""An IPv6 address in brackets, or an IPv4 address with its port, as some proxies write them."""


class TooManyRequests(Exception):
    """The bucket is empty. The client may retry after `retry_after` whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many requests: try again in {retry_after} s")
        self.retry_after = retry_after


class RateLimiter:
    """Token buckets by key. A rate of 0 sets no limit."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        burst_seconds: float = BURST_SECONDS,
    ) -> None:
        self._rate = per_second
        self._capacity = max(1.0, per_second * burst_seconds)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Take one token from this key's bucket. Raises TooManyRequests."""
        if not self._rate:
            return
        now = self._clock()
        tokens, since = self._buckets.pop(key, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - since) * self._rate)
        has_token = tokens >= 1
        self._buckets[key] = (tokens - has_token, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if not has_token:
            raise TooManyRequests(math.ceil((1 - tokens) / self._rate))


@dataclass(frozen=True)
class RateLimits:
    principals: RateLimiter
    addresses: RateLimiter
    trusted_proxies: Sequence[Network]
    saga_requests: RateLimiter
    """The requests of each customer that reach a saga."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Create the limits from the settings. Raises SettingsError."""
        return cls(
            RateLimiter(settings.rate_limit_per_principal),
            RateLimiter(settings.rate_limit_per_address),
            _networks(settings.trusted_proxies),
            RateLimiter(
                SAGA_REQUESTS_PER_SECOND if settings.rate_limit_per_principal else 0,
                burst_seconds=SAGA_REQUEST_BURST_SECONDS,
            ),
        )

    def address_of(self, scope: Scope) -> str:
        """Return the client's address; for IPv6 its /64 network, which belongs to one client."""
        hops = [(scope.get("client") or ("", 0))[0]]
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        hops += [hop.strip() for hop in reversed(forwarded.split(",")) if hop.strip()]
        return _key_of(next((hop for hop in hops if not self._is_trusted(hop)), hops[-1]))

    def _is_trusted(self, hop: str) -> bool:
        address = _parsed(hop)
        return address is not None and any(address in network for network in self.trusted_proxies)


class AddressLimit:
    """ASGI middleware that answers HTTP 429 to an address over its rate, without reading a body."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_limited = scope["type"] != "lifespan" and not scope["path"].startswith(UNLIMITED_PATHS)
        try:
            if is_limited:
                self._limits.addresses.take(self._limits.address_of(scope))
        except TooManyRequests as refusal:
            return await too_many(refusal)(scope, receive, send)
        return await self._app(scope, receive, send)


def too_many(refusal: TooManyRequests) -> JSONResponse:
    body = as_json(RequestErrorCode.RATE_LIMITED, str(refusal))
    return JSONResponse(body, status_code=429, headers={"Retry-After": str(refusal.retry_after)})


def _networks(text: str) -> list[Network]:
    try:
        return [ip_network(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise SettingsError(f"WAYBILL_TRUSTED_PROXIES is not a list of networks: {error}") from None


def _key_of(hop: str) -> str:
    address = _parsed(hop)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address or hop[:64])


def _parsed(hop: str) -> Address | None:
    """Return the address without its port. A dual-stack socket writes IPv4 as ::ffff:192.0.2.1."""
    with_port = _WITH_PORT.fullmatch(hop)
    try:
        address = ip_address(with_port[1] or with_port[2] if with_port else hop)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
