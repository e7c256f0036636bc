"""A TCP proxy in front of PostgreSQL that fails as networks and poolers do."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = "127.0.0.1"
SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
CANCEL_REQUEST: Final = struct.pack("!i", 80877102)
TLS: Final = b"S"
NO_TLS: Final = b"N"

Parameters = dict[str, str]
Edit = Callable[[Parameters], Parameters]


@dataclass
class Proxy:
    """Forward to the server of `url` until `freeze` is called."""

    url: str
    edit: Edit | None = None
    """Change the startup parameters in transit, as a pooler does."""
    tls: ssl.SSLContext | None = None
    """The TLS context for the client's side. The server's side has no TLS."""
    connections: int = 0
    encrypted: int = 0
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._flows.set()

    def freeze(self) -> None:
        """Forward nothing more and close nothing: old and new connections hang."""
        self._flows.clear()

    def freeze_old_connections(self) -> None:
        """Forward nothing more over the existing connections, as a firewall that forgot them."""
        self._flows, frozen = asyncio.Event(), self._flows
        self._flows.set()
        frozen.clear()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._serving.add(asyncio.create_task(self._forward(reader, writer)))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flows, parts = self._flows, urlsplit(self.url)
        with closing(writer.transport):
            await flows.wait()
            server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
            with closing(server_writer.transport):
                server_writer.write(await self._startup(reader, writer))
                await asyncio.gather(
                    _pump(reader, server_writer, flows), _pump(server_reader, writer, flows)
                )

    async def _startup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Agree on TLS or none, and return the startup packet for the server."""
        head = await reader.readexactly(8)
        if head == SSL_REQUEST:
            writer.write(TLS if self.tls else NO_TLS)
            if self.tls:
                await writer.start_tls(self.tls)
                self.encrypted += 1
            head = await reader.readexactly(8)
        body = await reader.readexactly(struct.unpack("!i", head[:4])[0] - 8)
        if self.edit is None or head[4:] == CANCEL_REQUEST:
            return head + body
        return _edited(head[4:], body, self.edit)

    async def close(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event
) -> None:
    with suppress(OSError):
        while data := await reader.read(2**16):
            await flows.wait()
            writer.write(data)
        await flows.wait()
        writer.close()


def _edited(protocol: bytes, body: bytes, edit: Edit) -> bytes:
    texts = body.decode().rstrip("\0").split("\0")
    parameters = edit(dict(zip(texts[::2], texts[1::2], strict=True)))
    edited = "".join(f"{name}\0{value}\0" for name, value in parameters.items()).encode() + b"\0"
    return struct.pack("!i", len(edited) + 8) + protocol + edited


@asynccontextmanager
async def proxied(
    url: str, edit: Edit | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Proxy, str]]:
    """Run the proxy; yield it and the URL that leads through it."""
    proxy = Proxy(url, edit, tls)
    async with await asyncio.start_server(proxy.serve, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        parts = urlsplit(url)
        netloc = f"{parts.netloc.rpartition(':')[0]}:{port}"
        try:
            yield proxy, parts._replace(netloc=netloc).geturl()
        finally:
            server.close()
            await proxy.close()
