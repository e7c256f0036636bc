from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from api import rate_limit
from api.rate_limit import AddressLimit, RateLimiter, RateLimits, TooManyRequests
from settings import Settings, SettingsError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(limiter: RateLimiter, key: str, times: int) -> int:
    """Return how many of these tries were allowed."""
    allowed = 0
    for _ in range(times):
        try:
            limiter.take(key)
        except TooManyRequests:
            continue
        allowed += 1
    return allowed


def test_a_key_may_ask_at_its_rate_and_for_two_seconds_at_once() -> None:
    clock = Clock()
    limiter = RateLimiter(5, clock)

    assert taken(limiter, "ada", 100) == 10
    clock.now += 1
    assert taken(limiter, "ada", 100) == 5
    clock.now += 60
    assert taken(limiter, "ada", 100) == 10


def test_a_key_uses_no_budget_of_another() -> None:
    limiter = RateLimiter(5, Clock())

    assert taken(limiter, "ada", 100) == 10
    assert taken(limiter, "bob", 100) == 10


def test_a_refusal_names_the_seconds_until_the_next_allowed_request() -> None:
    clock = Clock()
    limiter = RateLimiter(0.25, clock)
    limiter.take("ada")
    with pytest.raises(TooManyRequests) as refusal:
        limiter.take("ada")

    assert refusal.value.retry_after == 4
    clock.now += 4
    limiter.take("ada")


def test_a_rate_of_zero_sets_no_limit() -> None:
    assert taken(RateLimiter(0, Clock()), "ada", 10_000) == 10_000


def test_the_memory_for_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_BUCKETS", 100)
    limiter = RateLimiter(5, Clock())
    for number in range(1_000):
        limiter.take(str(number))

    assert len(limiter._buckets) == 100
    assert taken(limiter, "999", 100) == 9
    assert taken(limiter, "0", 100) == 10


def limits(per_address: int = 1, trusted: str = "") -> RateLimits:
    return RateLimits.of(
        Settings(rate_limit_per_address=per_address, trusted_proxies=trusted, _env_file=None)
    )


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("192.0.2.1", "", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "", "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", "nobody", "10.0.0.0/8", "nobody"),
        ("2001:db8::1", "", "", "2001:db8::/64"),
        ("fd00::1", "2001:db8::1", "10.0.0.0/8,fd00::/8", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "", "", "192.0.2.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7:50123", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2:443", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::1]:50123", "10.0.0.0/8", "2001:db8::/64"),
        ("10.0.0.1", "[2001:db8::1]", "10.0.0.0/8", "2001:db8::/64"),
        ("fe80::1%eth0", "", "", "fe80::/64"),
        ("10.0.0.1", ", ,", "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.0/8", "10.0.0.3"),
        ("10.0.0.1", "x" * 100, "10.0.0.0/8", "x" * 64),
    ],
)
def test_the_address_is_the_trusted_proxys(
    peer: str, forwarded: str, trusted: str, address: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope = {"type": "http", "client": (peer, 1), "headers": headers}

    assert limits(trusted=trusted).address_of(scope) == address


def test_an_invalid_proxy_network_is_named() -> None:
    with pytest.raises(SettingsError, match=r"WAYBILL_TRUSTED_PROXIES .* 'proxy'"):
        limits(trusted="proxy")


async def statuses(path: str, times: int) -> list[int]:
    async def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route(path, hello)])
    app.add_middleware(AddressLimit, limits=limits())
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        return [(await http.get(path)).status_code for _ in range(times)]


async def test_an_address_above_its_rate_is_refused() -> None:
    assert await statuses("/graphql", 4) == [200, 200, 429, 429]


@pytest.mark.parametrize("path", ["/webhooks/payments", "/healthz", "/readyz", "/metrics"])
async def test_webhooks_and_probes_are_not_rate_limited(path: str) -> None:
    assert await statuses(path, 10) == [200] * 10
