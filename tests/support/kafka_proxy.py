"""A TCP proxy in front of a Kafka broker, whose connections a test cuts.

A broker tells its clients its own address. The proxy replaces the port there by its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from stack.ports import LOOPBACK


@dataclass
class KafkaProxy:
    broker_port: int
    port: int = 0
    cuts: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def cut(self) -> None:
        """Reset every connection, with what is under way."""
        self.cuts += len(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection(LOOPBACK, self.broker_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server}
        try:
            await asyncio.gather(
                self._pump(reader, server, b"", b""),
                self._pump(answers, writer, _address(self.broker_port), _address(self.port)),
                return_exceptions=True,
            )
        finally:
            self._writers -= {writer, server}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, old: bytes, new: bytes
    ) -> None:
        try:
            while data := await reader.read(2**16):
                writer.write(data.replace(old, new) if old else data)
                await writer.drain()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def kafka_proxy(broker_port: int) -> AsyncIterator[KafkaProxy]:
    proxy = KafkaProxy(broker_port)
    async with await asyncio.start_server(proxy.serve, LOOPBACK, 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy.cut()


def _address(port: int) -> bytes:
    return LOOPBACK.encode() + port.to_bytes(4, "big")
