"""A provider with scripted answers, for what the simulators never do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scripted:
    """`answers` are statuses and bodies by request line, such as `GET /v1/things/1`.

    A body of bytes is sent as it is, any other one as JSON.
    """

    answers: Mapping[str, tuple[int, object]]
    received: list[bytes] = field(default_factory=list)
    """The bodies of the requests."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length")]
        length = sum(int(line.split(":")[1]) for line in lengths)
        self.received.append(await reader.readexactly(length))
        status, body = self.answers[f"{method} {target.split('?')[0]}"]
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(raw)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def answering(
    answers: Mapping[str, tuple[int, object]], received: list[bytes] | None = None
) -> AsyncIterator[str]:
    """Serve these answers; yield the provider's address. `received` gets the requests' bodies."""
    provider = Scripted(answers, [] if received is None else received)
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
