"""Count up in a process of its own while it leads, so that a test can stop and kill the leader.

    python -m tests.support.counting_leader URL

After SIGUSR1 the process stops itself inside its next transaction.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import Final

from eventstore.checkpoint import Checkpoint, CheckpointMoved
from kit.command import run_command
from kit.leadership import leading
from kit.pool import Pool, create_pool
from kit.restart import is_database_away, restarting

NAME: Final = "counting"
CREATE: Final = """
    CREATE SCHEMA counting;
    CREATE TABLE counting.counted (position bigint NOT NULL, process int NOT NULL);
    GRANT USAGE ON SCHEMA counting TO PUBLIC;
    GRANT INSERT ON counting.counted TO PUBLIC;
"""
_PAUSE_SECONDS: Final = 0.05
_COUNT: Final = "INSERT INTO counting.counted (position, process) VALUES ($1, $2)"


async def count(pool: Pool, must_stop: asyncio.Event) -> None:
    async with leading(pool, NAME) as connection:
        checkpoint = await Checkpoint.read(connection, NAME)
        while True:
            position = checkpoint.position + 1
            async with connection.transaction():
                await connection.execute(_COUNT, position, os.getpid())
                await checkpoint.advance(position)
                if must_stop.is_set():
                    must_stop.clear()
                    os.kill(os.getpid(), signal.SIGSTOP)
            await asyncio.sleep(_PAUSE_SECONDS)


def may_restart(error: BaseException) -> bool:
    return is_database_away(error) or isinstance(error, CheckpointMoved)


async def main(url: str) -> None:
    logging.basicConfig(level=logging.INFO)
    must_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, must_stop.set)
    async with await create_pool(url, size=2) as pool:
        logging.info("counting while this process leads")
        await restarting("counting", lambda: count(pool, must_stop), may_restart)


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(sys.argv[1])))
