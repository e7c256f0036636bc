"""Send an attacker's requests and exchanges, and record each with its answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import WebSocketException

from api.limits import MAX_BODY_BYTES
from tests.attack.report import Side
from tests.attack.target import Target
from tests.integration.api.fuzzing import INTERNAL, Sent, is_server_error
from tests.support.api_client import Socket, connecting

TIMEOUT_SECONDS: Final = 15.0
SOCKET_ROUTE: Final = "websocket /graphql"
OF_THE_PROTOCOL: Final = {None, 4400, 4401, 4403, 4408, 4409, 4429}
"""The codes that may close a socket; None: it was open to the end."""

TOO_LONG: Final = {1006, 1009}
"""The codes for a message beyond its bound; 1006: the client was still sending it."""


def client(target: Target, address: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=target.url, transport=transport, timeout=TIMEOUT_SECONDS)


async def send(
    http: httpx.AsyncClient, side: Side, sent: Sent, ours: Mapping[str, str], *, is_case: bool
) -> None:
    """Send one request. A case is a request of a fuzzer, not one of a flood."""
    began = time.monotonic()
    status = 0
    try:
        response = await http.request(
            sent.method, sent.path, content=sent.body, headers=sent.headers_after(ours)
        )
        status = response.status_code
        if is_server_error(sent, status, response.text):
            side.faults.append(f"{status} for {sent}: {response.text[:200]}")
    except httpx.HTTPError:
        pass
    side.answered(status, time.monotonic() - began, sent.route if is_case else None)


async def exchange(
    target: Target, side: Side, messages: Sequence[object], address: str, operator: int | None
) -> None:
    """Send these messages over a new socket, signed in as this operator if there is one."""
    began = time.monotonic()
    try:
        async with _socket(target, address) as socket:
            if operator is not None:
                payload = {"authorization": target.headers(operator)["authorization"]}
                await socket.send(type="connection_init", payload=payload)
            code = await socket.exchange(messages)
    except (WebSocketException, OSError, TimeoutError):
        side.answered(0, time.monotonic() - began)
        return
    said = json.dumps(socket.received)
    if not _may_close(code, messages) or INTERNAL.search(said):
        side.faults.append(f"the socket closed with {code} for {messages!r:.300}: {said[:200]}")
    side.answered(code or 1000, time.monotonic() - began, SOCKET_ROUTE)


def _may_close(code: int | None, messages: Sequence[object]) -> bool:
    is_too_long = any(len(json.dumps(message)) > MAX_BODY_BYTES for message in messages)
    return code in OF_THE_PROTOCOL or (is_too_long and code in TOO_LONG)


def _socket(target: Target, address: str) -> AbstractAsyncContextManager[Socket]:
    return connecting(target.url, local_addr=(address, 0), open_timeout=TIMEOUT_SECONDS)


async def push(target: Target, begun: bytes, more: bytes = b"", times: int = 0) -> int:
    """Send these bytes over a separate connection; return the answer's status, or 0."""
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
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0
