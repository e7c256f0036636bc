"""Correct the checkpoints at positions that the log lost, by a failover or a restore.

    python -m eventstore.checkpoints set-right [--name NAME] [--to POSITION]

A follower whose checkpoint is deleted starts from the beginning: the relay publishes the whole log
again, under the same event ids. `--to` names a later position, below which nothing was lost. The
command may run at any time, and repeatedly: it does not change a checkpoint within the log.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Final

from asyncpg import PostgresError

from eventstore.checkpoint import LostCheckpoint, lost_checkpoints
from kit.command import run_command
from kit.pool import Connection, create_pool
from settings import Settings, SettingsError, load_settings

# Change a checkpoint only if it is still at that position.
_FORGET: Final = "DELETE FROM eventstore.checkpoint WHERE name = $1 AND position = $2"
_MOVE: Final = """
    UPDATE eventstore.checkpoint SET position = $3, event_id = eventstore.newest_event($3)
    WHERE name = $1 AND position = $2
"""


class NotInTheLog(Exception):
    """The requested position is above the end of the log."""


async def set_right(
    connection: Connection, name: str | None = None, to: int | None = None
) -> AsyncIterator[str]:
    """Yield a line for each checkpoint that was corrected. Raises NotInTheLog."""
    lost = [c for c in await lost_checkpoints(connection) if name in {None, c.name}]
    for checkpoint in lost:
        yield await _set_right(connection, checkpoint, to)
    yield f"{len(lost)} checkpoint{'' if len(lost) == 1 else 's'} set right."


async def _set_right(connection: Connection, lost: LostCheckpoint, to: int | None) -> str:
    before = (
        f"{lost.name} was at {lost.position}, which the log has lost (it has drawn {lost.drawn})"
    )
    if to is None:
        await connection.execute(_FORGET, lost.name, lost.position)
        return f"{before}: deleted, so that its follower starts from the beginning"
    if not 0 <= to <= lost.drawn:
        raise NotInTheLog(f"--to is a position from 0 to {lost.drawn}, not {to}")
    await connection.execute(_MOVE, lost.name, lost.position, to)
    return f"{before}: set to {to}"


async def run(settings: Settings, name: str | None, to: int | None) -> None:
    settings.require("database_url")
    async with (
        await create_pool(settings.database_url.get_secret_value(), size=1) as pool,
        pool.acquire() as connection,
    ):
        async for line in set_right(connection, name, to):
            sys.stdout.write(f"{line}\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m eventstore.checkpoints",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["set-right"])
    parser.add_argument("--name", help="only this checkpoint (default: each one that is lost)")
    parser.add_argument("--to", type=int, metavar="POSITION", help="resume from here instead")
    arguments = parser.parse_args()
    try:
        asyncio.run(run(load_settings(), arguments.name, arguments.to))
    except (SettingsError, NotInTheLog, OSError, PostgresError) as error:
        sys.exit(f"checkpoints: {error}")


if __name__ == "__main__":
    run_command(main)
