"""Run a job for as long as its process: restart it after a fault, end it by a cancellation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from kit.faults import one_line
from kit.pool import CONNECTION_LOST

FIRST_PAUSE_SECONDS: Final = 0.5
MAX_PAUSE_SECONDS: Final = 4.0
STEADY_SECONDS: Final = 30.0
"""A job that ran for this long before its fault starts again after the first pause."""


class ServerAway(Exception):
    """A server cannot do its work now; the same call may succeed later."""


_DATABASE_AWAY: Final = (
    ServerAway,
    *CONNECTION_LOST,
    asyncpg.OperatorInterventionError,  # the server starts, stops, or ended the session
    asyncpg.InsufficientResourcesError,  # a full disk, too many connections
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it is promoted
    asyncpg.TransactionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionRollbackError,  # the server ended a deadlock
)

logger = logging.getLogger(__name__)

IsAway = Callable[[BaseException], bool]
"""Return whether the error means that a server does not answer, or cannot do its work now."""


def is_database_away(error: BaseException) -> bool:
    return isinstance(error, _DATABASE_AWAY) and not isinstance(error, ClientConfigurationError)


def always(_: BaseException) -> bool:
    return True


async def restarting(
    name: str, job: Callable[[], Awaitable[object]], may_restart: IsAway = always
) -> NoReturn:
    """Run the job until cancelled. It must be able to resume from its last state.

    Each fault of a server is one line of the log. Raises an error that `may_restart` does not
    accept.
    """
    loop, pause = asyncio.get_running_loop(), FIRST_PAUSE_SECONDS
    while True:
        started = loop.time()
        try:
            await job()
        except Exception as error:
            # A fault during the shutdown, for example of a lost connection, may hide a
            # cancellation.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error
            if not may_restart(error):
                raise
            if loop.time() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            unexpected = None if is_database_away(error) or may_restart is not always else error
            logger.warning(
                "%s: %s; trying again in %g s", name, one_line(error), pause, exc_info=unexpected
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, MAX_PAUSE_SECONDS)
