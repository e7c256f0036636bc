"""A proxy in front of a Kafka broker, which cuts its connections, speaks TLS, or asks for a
password.

A broker tells its clients its own address. The proxy replaces it by its own.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from stack.ports import LOOPBACK

HOST: Final = "localhost"
"""It has a certificate, and as many letters as the loopback address."""
_SASL_AUTHENTICATE: Final = 36
_SASL_AUTHENTICATION_FAILED: Final = 58


@dataclass
class KafkaProxy:
    broker_port: int
    password: str | None = None
    """What a client must send by SASL's mechanism PLAIN; noida-db takes any password."""
    port: int = 0
    cuts: int = 0
    tls_versions: list[str | None] = field(default_factory=list)
    """The version of TLS of each connection; None: it is not encrypted."""
    _is_open: bool = True
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    def cut(self) -> None:
        """Reset every connection, with what is under way."""
        self.cuts += len(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Cut the connections, and take no new ones until the block ends."""
        self._is_open = False
        self.cut()
        yield
        self._is_open = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection(LOOPBACK, self.broker_port)
        except OSError:
            writer.transport.abort()
            return
        if not self._is_open:
            writer.transport.abort()
            server.transport.abort()
            return
        self._writers |= {writer, server}
        tls = writer.get_extra_info("ssl_object")
        self.tls_versions.append(None if tls is None else tls.version())
        broker, own = _address(LOOPBACK, self.broker_port), _address(HOST, self.port)
        try:
            await asyncio.gather(
                self._pump(reader, server, lambda data: self._checked(data, writer)),
                self._pump(answers, writer, lambda data: data.replace(broker, own)),
                return_exceptions=True,
            )
        finally:
            self._writers -= {writer, server}

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        changed: Callable[[bytes], bytes | None],
    ) -> None:
        try:
            while data := await reader.read(2**16):
                if (passed_on := changed(data)) is not None:
                    writer.write(passed_on)
                    await writer.drain()
        finally:
            writer.transport.abort()

    def _checked(self, data: bytes, client: asyncio.StreamWriter) -> bytes | None:
        """Answer a request with a wrong password; return any other one."""
        key, _, correlation_id = struct.unpack_from(">hhi", data.ljust(12), 4)
        if self.password is None or key != _SASL_AUTHENTICATE:
            return data
        if data.endswith(b"\0" + self.password.encode()):
            return data
        reason = b"wrong password"
        answer = struct.pack(
            f">ihh{len(reason)}siq",
            *(correlation_id, _SASL_AUTHENTICATION_FAILED, len(reason), reason, 0, 0),
        )
        client.write(struct.pack(">i", len(answer)) + answer)
        return None


@asynccontextmanager
async def kafka_proxy(
    broker_port: int, *, tls: ssl.SSLContext | None = None, password: str | None = None
) -> AsyncIterator[KafkaProxy]:
    proxy = KafkaProxy(broker_port, password)
    async with await asyncio.start_server(proxy.serve, LOOPBACK, 0, ssl=tls) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.cut()


def _address(host: str, port: int) -> bytes:
    return host.encode() + port.to_bytes(4, "big")
