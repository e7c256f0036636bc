"""Flood the API with many requests, or parts of requests, that are no cases of a fuzzer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final

import httpx

from tests.attack.report import Side
from tests.attack.sending import client, push, send
from tests.attack.target import Target
from tests.integration.api.fuzzing import Sent

ADDRESS: Final = "127.0.0.1"
HALF_OPEN: Final = 300
HALVES: Final = (b"", b"POST /gra", b"GET / HTTP/1.1\r\nHost: x\r\nX-A")
FLOODS_A_SECOND: Final = 200
PROBES: Final = ("/readyz", "/metrics", "/healthz")


async def half_open(target: Target, side: Side) -> None:
    """Open connections that begin a request and never end it."""

    async def one() -> None:
        while not target.is_over:
            status = await push(target, random.choice(HALVES))  # noqa: S311
            side.answered(status, 0.0)  # such a request waits on purpose

    await asyncio.gather(*(one() for _ in range(HALF_OPEN)))


async def headers(target: Target, side: Side) -> None:
    """Send headers without an end."""
    while not target.is_over:
        began = time.monotonic()
        status = await push(target, b"GET / HTTP/1.1\r\nX-A: ", b"a" * 65_536, times=200)
        side.answered(status, time.monotonic() - began)
        await asyncio.sleep(0.1)


async def probes(target: Target, side: Side) -> None:
    """Send requests that need no token, many times a second."""
    async with client(target, ADDRESS) as http:
        while not target.is_over:
            paths = [random.choice(PROBES) for _ in range(FLOODS_A_SECOND // 10)]  # noqa: S311
            await _tenth_of_a_second(http, side, [(Sent("GET", path), {}) for path in paths])


async def flood(target: Target, side: Side) -> None:
    """Send more queries than one client may, with a token and without one."""
    body = b'{"query": "{ products(first: 100) { edges { node { sku name } } } }"}'
    sent = Sent("POST", "/graphql", body, {"content-type": "application/json"})
    async with client(target, ADDRESS) as http:
        while not target.is_over:
            both = [(sent, target.headers()), (sent, {})] * (FLOODS_A_SECOND // 20)
            await _tenth_of_a_second(http, side, both)


async def _tenth_of_a_second(
    http: httpx.AsyncClient, side: Side, sent: Sequence[tuple[Sent, dict[str, str]]]
) -> None:
    began = time.monotonic()
    await asyncio.gather(*(send(http, side, one, ours, is_case=False) for one, ours in sent))
    await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
