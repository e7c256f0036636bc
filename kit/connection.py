"""Connect to PostgreSQL so that nothing hangs and every setting that we rely on is in force."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol, Self

import asyncpg

from database_url import DatabaseUrl

if TYPE_CHECKING:  # only the stubs are generic
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection

CONNECT_TIMEOUT_SECONDS: Final = 5.0
"""The time limit for one server, until the settings of the new connection have been checked."""
TRANSACTION_TIMEOUT_SECONDS: Final = 15
"""The longest that a transaction may last. A hung append holds back the safe head until then."""
IDLE_TIMEOUT_SECONDS: Final = 10
"""The longest that a transaction may wait for its own client."""
STATEMENT_MARGIN_SECONDS: Final = 5
"""PostgreSQL ends a statement with its transaction. An answer that is later than that is lost."""
CANCEL_TIMEOUT_SECONDS: Final = 2.0
"""The time limit for PostgreSQL to confirm that a statement is cancelled or a session closed."""
PING_TIMEOUT_SECONDS: Final = 2.0
PING_AFTER_SECONDS: Final = 0.02
"""The idle time up to which a connection is used without a check that it is alive."""

SERVER_KEEPALIVES: Final = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "50000",
}
"""PostgreSQL notices within a minute that a machine is gone, and with it the leader's lock; by the
system's defaults it would take two hours, or a quarter of one with an answer on its way."""

CLIENT_KEEPALIVES: Final = tuple(
    (level, getattr(socket, option), value)
    for level, option, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 10),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 2),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 20_000),
    )
    if hasattr(socket, option)  # Linux supports all of them
)
"""The client notices a lost machine within 20 seconds, even while it only listens."""

CONNECTION_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver noticed the loss during its own work
    OSError,
)
"""The errors of a statement whose connection is lost, or that has hung for too long."""

_IN_FORCE: Final = "SELECT name, current_setting(name, true) FROM unnest($1::text[]) AS name"

logger = logging.getLogger(__name__)


class SettingNotInForce(ConnectionError):
    """The session does not have a setting that the connection asked for: it is not used."""

    def __init__(self, setting: str, asked: str, got: str | None) -> None:
        super().__init__(
            f"PostgreSQL session refused: {setting} is {got}, not {asked} as asked. Connect "
            "directly, or make sure that the pooler passes this setting on "
            "(PgBouncer drops what its ignore_startup_parameters names)"
        )
        self.setting = setting
        self.asked = asked
        self.got = got


class NoServerAvailable(ConnectionError):
    """No server of the list accepts this connection; the message says why, for each."""


class _Protocol(Protocol):
    def is_in_transaction(self) -> bool: ...
    def _is_cancelling(self) -> bool: ...


class Connection(_Connection):
    """A connection of asyncpg that knows whether it can be used again."""

    __slots__ = ("_idle_since", "_unread")

    if TYPE_CHECKING:  # the stubs leave them out
        _transport: asyncio.Transport
        _protocol: _Protocol

    def prepare_for_use(self) -> Self:
        """Have the kernel watch the connection. Call it once."""
        sock = self._transport.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            for option in CLIENT_KEEPALIVES:
                sock.setsockopt(*option)
        self._unread = select.poll()
        self._unread.register(sock.fileno(), select.POLLIN)
        self.rest()
        return self

    @property
    def is_clean(self) -> bool:
        """Return True if the connection is open, in no transaction, and waits for no cancelled
        statement."""
        return not (
            self.is_closed()
            or self._protocol.is_in_transaction()
            or self._protocol._is_cancelling()
        )

    def rest(self) -> None:
        """Note that the connection is idle from now on."""
        self._idle_since = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        return time.monotonic() - self._idle_since

    async def is_alive(self) -> bool:
        """Ask PostgreSQL, unless the connection was in use just now. Terminate it if it is dead.

        An idle connection most often receives its end, which the event loop may not have read yet.
        """
        if self.is_closed():
            return False
        if self.idle_seconds < PING_AFTER_SECONDS and not self._unread.poll(0):
            return True
        try:
            await self.ping()
        except (*CONNECTION_LOST, asyncpg.PostgresError):
            return False
        return True

    async def ping(self) -> None:
        """Make one round trip. Terminate the connection and raise if there is no answer."""
        try:
            await self.fetch("", timeout=PING_TIMEOUT_SECONDS)
        except BaseException:
            self.terminate()
            raise
        self.rest()

    async def leave(self) -> None:
        """Close the connection within CANCEL_TIMEOUT_SECONDS. Its state does not matter."""
        try:
            await self.close(timeout=CANCEL_TIMEOUT_SECONDS)
        except Exception as error:  # noqa: BLE001 - it is gone either way
            logger.debug("a connection did not close in order: %s", type(error).__name__)

    async def _cancel(self, waiter: asyncio.Future[None], cancel_waiter: object = None) -> None:
        """Cancel the statement in progress, as asyncpg does, but within the time for that.

        asyncpg gives it another `command_timeout`, for which a ROLLBACK or a release then waits.
        """
        async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS) as limit:
            await super()._cancel(waiter, cancel_waiter)  # type: ignore[misc]  # as above
        if limit.expired():  # asyncpg takes the cancellation for its own
            self.terminate()


def session_settings(transaction_seconds: int) -> Mapping[str, str]:
    """Return the settings that a session must have, as PostgreSQL writes them; 0 means no limit."""
    idle_seconds = min(transaction_seconds, IDLE_TIMEOUT_SECONDS)
    return {
        "transaction_timeout": _duration(transaction_seconds),
        "idle_in_transaction_session_timeout": _duration(idle_seconds),
        "default_transaction_isolation": "read committed",
        "synchronous_commit": "on",
    }


def _duration(seconds: int) -> str:
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    fitting = (f"{seconds // size}{unit}" for unit, size in units if seconds % size == 0)
    return next(fitting) if seconds else "0"


async def connect(
    url: DatabaseUrl, transaction_seconds: int = TRANSACTION_TIMEOUT_SECONDS
) -> Connection:
    """Connect to the first server that accepts it and is of the wanted kind.

    With 0 `transaction_seconds`, statements and transactions have no time limit. Raises an asyncpg
    error or an OSError, of which SettingNotInForce and NoServerAvailable are two.
    """
    failures: list[str] = []
    for server in url.servers:
        try:
            return await _connect(url, server, transaction_seconds)
        except SettingNotInForce:
            raise
        except (*CONNECTION_LOST, asyncpg.OperatorInterventionError) as error:
            if len(url.servers) == 1:
                raise
            failures.append(f"{server[0]}:{server[1]} {str(error) or 'does not answer'}")
    raise NoServerAvailable(f"no PostgreSQL server can be used: {'; '.join(failures)}")


async def _connect(
    url: DatabaseUrl, server: tuple[str, int], transaction_seconds: int
) -> Connection:
    settings = session_settings(transaction_seconds)
    async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
        connection: Connection = await asyncpg.connect(
            **url.arguments(server),
            connection_class=Connection,
            command_timeout=(transaction_seconds + STATEMENT_MARGIN_SECONDS)
            if transaction_seconds
            else None,
            server_settings={"application_name": "waybill", **settings, **SERVER_KEEPALIVES},
        )
        try:
            await _require_in_force(connection.prepare_for_use(), settings)
        except BaseException:
            connection.terminate()
            raise
    return connection


async def _require_in_force(connection: Connection, settings: Mapping[str, str]) -> None:
    rows = await connection.fetch(_IN_FORCE, list(settings))
    for setting, got in rows:
        if got != settings[setting]:
            raise SettingNotInForce(setting, settings[setting], got)
