"""Connections to the log: asyncpg's own pool, for an append is little more than a round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:  # generic in the stubs alone
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = PoolConnectionProxy

CONNECTION_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver was told of the loss in the middle of its own work
    OSError,
)
"""What a statement raises whose connection is gone."""

TRANSACTION_TIMEOUT_SECONDS: Final = 15
"""The longest that a transaction may last. A hung append holds back the safe head until then."""
IDLE_TIMEOUT_SECONDS: Final = 10
"""The longest that a transaction may wait for its own client."""

KEEPALIVES: Final = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "50000",
}
"""PostgreSQL notices within a minute that a machine is gone, and with it whoever led there; by the
system's own measure it would take two hours, or a quarter of one with an answer on its way."""


async def create_pool(
    database_url: str,
    *,
    size: int = 20,
    transaction_seconds: int = TRANSACTION_TIMEOUT_SECONDS,
) -> Pool:
    """At most `size` connections, made as they are needed. The caller closes it."""
    return await asyncpg.create_pool(
        database_url.replace("postgresql+asyncpg://", "postgresql://", 1),
        min_size=0,  # a process starts while PostgreSQL is down, and says that it is not ready
        max_size=size,
        reset=_nothing,
        server_settings={
            "application_name": "waybill",
            "transaction_timeout": f"{transaction_seconds}s",
            "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT_SECONDS}s",
            **KEEPALIVES,
        },
    )


async def _nothing(connection: object) -> None:
    """Instead of asyncpg's reset, a round trip for each use: what we borrow we hand back clean."""
    del connection
