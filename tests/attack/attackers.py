"""The attackers: each runs in a process of its own until its time is over.

All come from 127.0.0.1, so that the honest client, who comes from another address, is told apart.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import StopTest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.attack.report import Side
from tests.integration.api.fuzzing import BODIES, FRAMES, HEADERS, INTERNAL, TARGETS
from tests.unit.api.documents import slow_documents

TIMEOUT_SECONDS: Final = 15.0
HALF_OPEN: Final = 300
FLOODS_A_SECOND: Final = 200
PROBES: Final = ("/readyz", "/metrics", "/healthz")
METHODS: Final = st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "OPTIONS", "HEAD"])

Attack = Callable[["Target", Side], Coroutine[None, None, None]]
T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    url: str
    token: str
    ends_at: float
    """Seconds since the epoch: the same for every process."""

    @property
    def is_over(self) -> bool:
        return time.time() > self.ends_at

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "content-type": "application/json"}


def ready() -> None:
    """Return once this module has been imported in the process that is to attack."""


def run(attack: str, target: Target) -> Side:
    """Run one attack in this process; return the answers it was given."""
    side = Side(attack)
    asyncio.run(ATTACKS[attack](target, side))
    return side


class _Over(Exception):
    pass


def _drawn(strategy: st.SearchStrategy[T], target: Target) -> Iterator[T]:
    """Yield examples until the time is over."""
    examples: list[T] = []

    @given(strategy)
    @settings(
        max_examples=20,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def draw(example: T) -> None:
        examples.append(example)

    while not target.is_over:
        examples.clear()
        with suppress(StopTest):
            draw()
        yield from examples


async def requests(target: Target, side: Side) -> None:
    """Requests of every shape."""
    shapes = st.tuples(METHODS, TARGETS, BODIES, HEADERS)
    async with httpx.AsyncClient(base_url=target.url, timeout=TIMEOUT_SECONDS) as http:
        for method, path, body, headers in _drawn(shapes, target):
            if target.is_over:
                return
            await _send(http, side, Sent(method, path, body, target.headers | headers))


async def documents(target: Target, side: Side) -> None:
    """Documents that cost more to refuse than to send."""
    async with httpx.AsyncClient(base_url=target.url, timeout=TIMEOUT_SECONDS) as http:
        for text in _drawn(slow_documents, target):
            if target.is_over:
                return
            body = json.dumps({"query": text}).encode()
            await _send(http, side, Sent("POST", "/graphql", body, target.headers))


async def frames(target: Target, side: Side) -> None:
    """Messages of every shape over sockets."""
    exchanges = st.tuples(st.lists(FRAMES, min_size=1, max_size=6), st.booleans())
    for messages, is_signed_in in _drawn(exchanges, target):
        if target.is_over:
            return
        began = time.monotonic()
        code = await _exchange(target, messages, is_signed_in)
        side.answered(code, time.monotonic() - began, f"{messages!r}")


async def half_open(target: Target, side: Side) -> None:
    """Connections that begin a request and never end it."""

    async def one() -> None:
        while not target.is_over:
            began = time.monotonic()
            answer = await _half_a_request(target)
            side.answered(_status(answer), time.monotonic() - began, "half a request")

    await asyncio.gather(*(one() for _ in range(HALF_OPEN)))
    side.slowest = 0.0  # they are meant to wait


async def headers(target: Target, side: Side) -> None:
    """Headers without an end."""
    while not target.is_over:
        began = time.monotonic()
        answer = await _push(target, b"GET / HTTP/1.1\r\nX-A: ", b"a" * 65_536, times=200)
        side.answered(_status(answer), time.monotonic() - began, "endless headers")
        await asyncio.sleep(0.1)


async def probes(target: Target, side: Side) -> None:
    """A flood of what needs no token."""
    async with httpx.AsyncClient(base_url=target.url, timeout=TIMEOUT_SECONDS) as http:
        while not target.is_over:
            began = time.monotonic()
            paths = [random.choice(PROBES) for _ in range(FLOODS_A_SECOND // 10)]  # noqa: S311
            await asyncio.gather(*(_send(http, side, Sent("GET", path)) for path in paths))
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))


async def flood(target: Target, side: Side) -> None:
    """More queries than anybody may send, with a token and without one."""
    body = b'{"query": "{ products(first: 100) { edges { node { sku name } } } }"}'
    bare = {"content-type": "application/json"}
    async with httpx.AsyncClient(base_url=target.url, timeout=TIMEOUT_SECONDS) as http:
        while not target.is_over:
            began = time.monotonic()
            sent = (target.headers, bare) * (FLOODS_A_SECOND // 10)
            await asyncio.gather(
                *(_send(http, side, Sent("POST", "/graphql", body, headers)) for headers in sent)
            )
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))


ATTACKS: Final[dict[str, Attack]] = {
    "requests": requests,
    "documents": documents,
    "frames": frames,
    "half open": half_open,
    "headers": headers,
    "probes": probes,
    "flood": flood,
}


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body[:200]!r}"


async def _send(http: httpx.AsyncClient, side: Side, sent: Sent) -> None:
    began = time.monotonic()
    try:
        response = await http.request(
            sent.method, sent.path, content=sent.body, headers=sent.headers
        )
        status = response.status_code
        if INTERNAL.search(response.text):
            side.faults.append(f"an internal error for {sent}")
    except httpx.HTTPError:
        status = 0
    side.answered(status, time.monotonic() - began, str(sent))


async def _exchange(target: Target, messages: Sequence[object], is_signed_in: bool) -> int:
    """Return the code that closed the socket; 1000 if nothing did."""
    address = f"ws{target.url.removeprefix('http')}/graphql"
    try:
        async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            if is_signed_in:
                payload = {"authorization": target.headers["authorization"]}
                await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            for message in messages:
                await socket.send(json.dumps(message))
    except (WebSocketException, OSError, TimeoutError):
        return 0
    return socket.close_code or 0


async def _half_a_request(target: Target) -> bytes:
    begun = random.choice([b"", b"POST /gra", b"GET / HTTP/1.1\r\nHost: x\r\nX-A"])  # noqa: S311
    return await _push(target, begun, b"", times=0)


async def _push(target: Target, begun: bytes, more: bytes, times: int) -> bytes:
    address = urlsplit(target.url)
    answer, writer = b"", None
    with suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(begun)
        for _ in range(times):
            writer.write(more)
            await writer.drain()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await reader.read()
    if writer is not None:
        writer.close()
    return answer


def _status(answer: bytes) -> int:
    """Of an answer as it came; 0 for none."""
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0
