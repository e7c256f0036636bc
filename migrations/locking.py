"""Migrate beside traffic: run one migration at a time, and never wait long for a lock.

A statement that waits for a lock on a table makes every later statement on that table wait. So it
waits briefly, and then the whole transaction is rolled back and tried again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.errors import first_line, sqlstate

TRIES: Final = 20
LOCK_TIMEOUT: Final = "300ms"
"""Shorter than PostgreSQL's deadlock_timeout: of a migration and an append that wait for each
other, the migration gives up."""
MAX_PAUSE_SECONDS: Final = 10.0
SECONDS_BETWEEN_LOOKS: Final = 0.5

_TRY_LOCK: Final = text("SELECT pg_try_advisory_lock(7003)")
# The second setting is a copy, from which indexes.py restores the first.
_SET_TIMEOUT: Final = text("""
    SELECT set_config('lock_timeout', :timeout, false),
           set_config('waybill.lock_timeout', :timeout, false)
""")
_RETRIED: Final = ("55P03", "40P01")
"""lock_not_available, deadlock_detected."""
_UPDATED_MEANWHILE: Final = "tuple concurrently updated"
"""PostgreSQL's message when two databases of one server grant the same role concurrently."""


async def only_migrator(connection: AsyncConnection) -> None:
    """Wait until no other migration runs, and hold the lock until the connection is closed.

    Waiting inside PostgreSQL would hold a snapshot open. CREATE INDEX CONCURRENTLY of the other
    migration would wait for that snapshot.
    """
    has_said = False
    while not await _try_lock(connection):
        if not has_said:
            say("another migration is running: waiting for it to end")
        has_said = True
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _try_lock(connection: AsyncConnection) -> bool:
    got = bool(await connection.scalar(_TRY_LOCK))
    await connection.commit()
    return got


async def print_notices(connection: AsyncConnection) -> None:
    """Print PostgreSQL's notices and warnings while the migrations run."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    driver.add_log_listener(lambda _, message: say(message.message))


async def repeated_while_locked(
    connection: AsyncConnection, run: Callable[[Connection], None]
) -> None:
    """Run the command; repeat it after a lock timeout. Raises CommandError after the last try."""
    given = context.get_x_argument(as_dictionary=True)
    timeout, tries = given.get("lock-timeout", LOCK_TIMEOUT), int(given.get("tries", TRIES))
    for number, pause in enumerate(_pauses(tries), start=1):
        await connection.execute(_SET_TIMEOUT, {"timeout": timeout})
        await connection.commit()
        try:
            await connection.run_sync(run)
        except DBAPIError as error:
            await connection.rollback()
            if not _may_be_retried(error):
                raise
            problem = f"try {number} of {tries}: {first_line(error)}"
        else:
            return
        if number < tries:
            say(f"{problem}; again in {pause:g} s")
            await asyncio.sleep(pause)
    raise CommandError(
        f"{problem}; the last try failed and its transaction is rolled back. End the transactions "
        "that hold the lock (pg_stat_activity shows them by xact_start), then migrate again"
    )


def _may_be_retried(error: DBAPIError) -> bool:
    return sqlstate(error) in _RETRIED or _UPDATED_MEANWHILE in first_line(error)


def _pauses(tries: int) -> Iterator[float]:
    return (min(0.5 * 2**n, MAX_PAUSE_SECONDS) for n in range(tries))


def say(line: str) -> None:
    sys.stderr.write(f"waybill: migration: {line}\n")
