"""One address for several servers, as a load balancer without health checks gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

LOOPBACK = "127.0.0.1"


class Switch:
    """Forward each new connection to the next server, or to another one if that refuses.

    A connection stays with its server. Nothing is sent a second time.
    """

    def __init__(self, targets: Sequence[int]) -> None:
        self._targets = targets
        self._turn = count()
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        """Listen until the end of the block; yield the port."""
        server = await asyncio.start_server(self._accept, LOOPBACK, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            far_reader, far_writer = await self._connect()
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        except OSError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn) % len(self._targets)
        *others, last = (*self._targets[first:], *self._targets[:first])
        for target in others:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection(LOOPBACK, target)
        return await asyncio.open_connection(LOOPBACK, last)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
