"""SQLAlchemy over the same connections as the pool's: one URL, one set of limits and settings."""

from __future__ import annotations

from functools import partial
from typing import Final

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from database_url import DatabaseUrl
from kit.connection import TRANSACTION_TIMEOUT_SECONDS, Connection, connect

MAX_CONNECTIONS: Final = 15
"""All of them are kept. SQLAlchemy would close those above five after each use, and a new one costs
as much as ten queries: a scrape of `/metrics`, which asks all at once, took 55 ms of CPU."""
CHECKOUT_TIMEOUT_SECONDS: Final = 5
"""The time that a query waits for a connection when all are in use."""


def create_engine(
    database_url: str, *, transaction_seconds: int = TRANSACTION_TIMEOUT_SECONDS
) -> AsyncEngine:
    """Make an engine whose errors show no parameters: an address could be among them.

    With 0 `transaction_seconds`, statements and transactions have no time limit, as migrations need
    it. The caller disposes of the engine. Raises InvalidDatabaseUrl.
    """
    url = DatabaseUrl.parse(database_url)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(connect, url, transaction_seconds),
        hide_parameters=True,
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
        pool_timeout=CHECKOUT_TIMEOUT_SECONDS,
        pool_use_lifo=True,
    )
    event.listen(engine.sync_engine, "checkin", _rest)
    event.listen(engine.sync_engine, "checkout", _require_alive)
    event.listen(engine.sync_engine, "handle_error", _drop_hung)
    event.listen(engine.sync_engine, "close", _close_at_once)
    return engine


def _rest(connection: DBAPIConnection | None, _: ConnectionPoolEntry) -> None:
    if connection is not None and isinstance(connection.driver_connection, Connection):
        connection.driver_connection.rest()


def _require_alive(
    connection: DBAPIConnection, _: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Have SQLAlchemy connect anew instead of failing a query for each connection that died.

    Its own `pool_pre_ping` takes three round trips for every query.
    """
    if not connection.run_async(Connection.is_alive):
        raise InvalidatePoolError


def _close_at_once(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Close without waiting for an answer: SQLAlchemy would wait for one idle connection after
    another."""
    driver = connection.driver_connection
    if isinstance(driver, Connection) and driver.is_clean:
        driver.terminate()


def _drop_hung(context: ExceptionContext) -> None:
    """Have SQLAlchemy close a connection that did not answer, instead of a ROLLBACK over it."""
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True
