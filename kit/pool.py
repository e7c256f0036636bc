"""Hand out connections, the one used last first.

An append takes little more than its round trip, and asyncpg's own pool takes a shielded task to
return each connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import asyncpg

from database_url import DatabaseUrl
from kit.connection import (
    CONNECTION_LOST,
    TRANSACTION_TIMEOUT_SECONDS,
    Connection,
    connect,
)

__all__ = ["CONNECTION_LOST", "Connection", "Pool", "create_pool"]

MAX_IDLE_SECONDS: Final = 300
"""A connection that was idle for this long is closed."""
CLOSE_TIMEOUT_SECONDS: Final = 2.0
"""The time limit of close(); after it, close() cuts the remaining connections."""

_OUTDATED: Final = (asyncpg.ReadOnlySQLTransactionError, asyncpg.InvalidCachedStatementError)
"""The server has become read-only, or a migration has changed the result of a statement. Each idle
connection is about to fail in the same way."""


async def create_pool(
    database_url: str,
    *,
    size: int = 20,
    transaction_seconds: int = TRANSACTION_TIMEOUT_SECONDS,
) -> Pool:
    """Make a pool of at most `size` connections, each opened when it is needed.

    So a process starts while PostgreSQL is down, and says that it is not ready. The caller closes
    the pool. Raises InvalidDatabaseUrl.
    """
    return Pool(partial(connect, DatabaseUrl.parse(database_url), transaction_seconds), size)


class Pool:
    """Lend at most `size` connections. Waiting borrowers are served in order.

    A borrower has its connection alone. It must return the connection without a transaction,
    listeners, session locks or changed settings. A connection whose state is unknown, since its
    statement was cancelled or its transaction left open, is closed instead.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect = connect
        self._size = self._permits = size
        self._idle: list[Connection] = []
        self._borrowed: set[Connection] = set()
        self._turns: deque[asyncio.Future[None]] = deque()
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._all_returned = asyncio.Event()

    @property
    def size(self) -> int:
        return self._size

    @property
    def used(self) -> int:
        """Return the number of connections that are lent, opened for a borrower, or closed."""
        return self._size - self._permits

    @property
    def waiting(self) -> int:
        """Return the number of borrowers that wait for a connection."""
        return sum(not turn.done() for turn in self._turns)

    def acquire(self) -> Lease:
        """Borrow a connection: `async with pool.acquire() as connection`."""
        return Lease(self)

    async def execute(self, statement: str, *arguments: object) -> str:
        async with self.acquire() as connection:
            return await connection.execute(statement, *arguments)

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async with self.acquire() as connection:
            return await connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        async with self.acquire() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: object) -> Any:  # noqa: ANN401 - any type of SQL
        async with self.acquire() as connection:
            return await connection.fetchval(statement, *arguments)

    async def borrow(self) -> Connection:
        if self._permits and not self._turns and not self._is_closed:
            self._permits -= 1
        else:
            await self._turn()
        try:
            connection = await self._usable()
        except BaseException:
            self._hand_on()
            raise
        self._borrowed.add(connection)
        return connection

    async def _turn(self) -> None:
        """Wait until a permit is handed to this borrower."""
        if self._is_closed:
            raise asyncpg.InterfaceError("pool is closed")
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                # The permit came together with the cancellation.
                self._hand_on()
            raise

    async def _usable(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if await connection.is_alive():
                return connection
            self._drop_idle()  # the connections below have been idle for longer
        return await self._opened()

    async def _opened(self) -> Connection:
        connection = await self._connect()
        if self._is_closed:
            connection.terminate()
            raise asyncpg.InterfaceError("pool is closed")
        return connection

    def give_back(self, connection: Connection, error: BaseException | None) -> None:
        self._borrowed.remove(connection)
        if isinstance(error, _OUTDATED):
            self._drop_idle()
            self._retire(connection)
        elif self._is_closed or not connection.is_clean:
            self._retire(connection)
        else:
            connection.rest()
            self._idle.append(connection)
            self._hand_on()
            if self._idle[0].idle_seconds > MAX_IDLE_SECONDS:
                self._idle.pop(0).terminate()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()

    def _retire(self, connection: Connection) -> None:
        """Close the connection. Its place is free again only then, so there are never more than
        `size`."""
        if connection.is_closed():
            self._hand_on()
            return
        task = asyncio.get_running_loop().create_task(connection.leave())
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        self._hand_on()

    def _hand_on(self) -> None:
        """Give a permit to the borrower that has waited longest, or keep it."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._permits += 1
        if self._is_closed and self._permits == self._size:
            self._all_returned.set()

    async def close(self) -> None:
        """Refuse new borrowers, wait briefly for the current ones, and close all connections."""
        if self._is_closed:
            return
        self._is_closed = True
        for turn in self._turns:
            if not turn.done():
                turn.set_exception(asyncpg.InterfaceError("pool is closed"))
        idle, self._idle = self._idle, []
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.gather(
                    self._returned(), *(bounded_gather.leave() for bounded_gather in idle)
                )
        except TimeoutError:
            pass
        finally:
            for connection in (*self._borrowed, *idle):
                connection.terminate()

    async def _returned(self) -> None:
        if self._permits < self._size:
            await self._all_returned.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Lease:
    """One borrowed connection, for the length of an `async with`."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.borrow()
        return self._connection

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._pool.give_back(self._connection, error)
