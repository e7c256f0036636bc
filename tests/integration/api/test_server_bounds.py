"""Test the cost of one client to the server, byte by byte over a separate connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from api import server
from tests.support.api_client import Api, connecting

HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HALF_REQUESTS = {
    "nothing": b"",
    "empty lines": b"\r\n\r\n\r\n",
    "half a line": b"POST /gra",
    "half a head": HEAD,
    "half a header": HEAD + b"Authorization: Bea",
    "half a body": HEAD + b'Content-Length: 100\r\n\r\n{"query": ',
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
    "half the trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: a\r\n",
    "a second request": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea",
}


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Return all that the server sends until it closes the connection."""
        async with asyncio.timeout(5):
            return await self.reader.read()


@asynccontextmanager
async def connection(api: Api) -> AsyncIterator[Connection]:
    address = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


def refusal(answer: bytes) -> tuple[int, str]:
    """Return the status and the code of the last answer."""
    head, _, body = answer[answer.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    (error,) = json.loads(body)["errors"]
    return int(head.split()[1]), error["extensions"]["code"]


@pytest.mark.parametrize("sent", HALF_REQUESTS.values(), ids=HALF_REQUESTS.keys())
async def test_an_unfinished_request_is_closed_in_time(
    api: Api, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_SECONDS", 0.2)

    async with connection(api) as client:
        await client.send(sent)
        answer = await client.rest()

    assert refusal(answer) == (408, "BAD_USER_INPUT")


async def test_a_request_that_arrives_slowly_but_in_time_is_answered(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_SECONDS", 5.0)

    async with connection(api) as client:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            await client.send(bytes([byte]))
        answer = await client.rest()

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_an_idle_connection_stays_open_longer_than_a_load_balancer_keeps_it() -> None:
    assert server.server_config("api.app:app").timeout_keep_alive == 75


@pytest.mark.parametrize(
    "head",
    [HEAD + b"X-A: " + b"a" * 33_000 + b"\r\n\r\n", HEAD + b"X-A: a\r\n" * 5_000 + b"\r\n"],
    ids=["one", "many"],
)
async def test_headers_beyond_their_bound_are_refused(api: Api, head: bytes) -> None:
    async with connection(api) as client:
        await client.send(head)
        answer = await client.rest()

    assert refusal(answer) == (431, "PAYLOAD_TOO_LARGE")


LAST_CHUNK = HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
ENDLESS = {
    "a header": (HEAD + b"X-A: ", b"a" * 100_000),
    "headers": (HEAD, b"X-A: a\r\n" * 12_500),
    "a trailer": (LAST_CHUNK + b"X-A: ", b"a" * 100_000),
    "trailers": (LAST_CHUNK, b"X-A: a\r\n" * 12_500),
}


@pytest.mark.parametrize(("begin", "more"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_headers_and_trailers_without_an_end_are_cut_off(
    api: Api, begin: bytes, more: bytes
) -> None:
    async with connection(api) as client:
        await client.send(begin)
        sent = 0
        with suppress(ConnectionError):
            while sent < 100_000_000:
                await client.send(more)
                sent += len(more)

    assert sent < 20_000_000  # the operating system's buffers


async def test_a_body_in_chunks_of_one_byte_is_within_the_bounds(api: Api) -> None:
    body = b'{"query": "{ __typename }"}' + b" " * 60_000
    bearer = api.viewer().headers["authorization"].encode()
    async with connection(api) as client:
        await client.send(
            HEAD + b"Authorization: " + bearer + b"\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        await client.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        answer = await client.rest()

    assert b'{"data":{"__typename":"Query"}' in answer


async def test_a_trailer_is_no_header(api: Api) -> None:
    """A proxy may have checked the headers, and not the trailers."""
    body = b'{"query": "{ __typename }"}'
    token = api.viewer().headers["authorization"].encode()
    chunks = b"%x\r\n%s\r\n0\r\n" % (len(body), body)
    async with connection(api) as client:
        await client.send(
            HEAD
            + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunks
            + b"Authorization: "
            + token
            + b"\r\n\r\n"
        )
        answer = await client.rest()

    assert refusal(answer) == (401, "UNAUTHENTICATED")


async def test_bytes_that_are_no_http_are_refused_with_a_code(api: Api) -> None:
    async with connection(api) as client:
        await client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        answer = await client.rest()

    assert refusal(answer) == (400, "BAD_USER_INPUT")


async def test_a_client_that_reads_no_answer_is_cut_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "UNREAD_TIMEOUT_SECONDS", 0.2)

    async with connection(api) as client:
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(20):
                await client.send(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" * 200_000)


async def test_a_socket_outlives_the_time_of_a_request(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_SECONDS", 0.05)
    loop = asyncio.get_running_loop()

    async with api.viewer().socket() as socket:
        end = loop.time() + 0.2
        while loop.time() < end:
            await socket.send(type="ping")
            assert await socket.receive() == {"type": "pong"}


@pytest.mark.parametrize("size", [262_144, 16_000_000])
async def test_a_message_beyond_the_bound_closes_the_socket(api: Api, size: int) -> None:
    async with connecting(api.url) as socket:
        with suppress(ConnectionClosed):  # before the whole body is sent
            await socket.send(type="ping", payload={"text": "x" * size})

        assert await socket.close_code() == 1009
