"""Write rows by which the processes of Waybill show that they can work.

Events could show it too, but the log records what happened to orders.
"""

from __future__ import annotations

import os
import socket
from typing import Final

from kit.pool import Pool

PROCESS: Final = f"{socket.gethostname()}:{os.getpid()}"

# An update finds room in its page when the disk is full, and an append does not. With
# this small work_mem, the query writes about 300 kB to a temporary file, beside the tables and
# without WAL.
_LITTLE_MEMORY: Final = "SET LOCAL work_mem = '64kB'"
_WRITE_A_FILE: Final = "SELECT count(*) FROM generate_series(1, 16384)"

# Each row deletes those of processes that ended long ago.
_BEAT: Final = """
    WITH pruned AS (
        DELETE FROM journal.heartbeat
        WHERE beat_at < clock_timestamp() - interval '1 day' AND process <> $1
    )
    INSERT INTO journal.heartbeat (process, beat_at) VALUES ($1, clock_timestamp())
    ON CONFLICT (process) DO UPDATE SET beat_at = excluded.beat_at
"""
_POLLS: Final = """
    WITH pruned AS (
        DELETE FROM journal.polling_worker
        WHERE polled_at < clock_timestamp() - interval '1 day' AND process <> $1
    )
    INSERT INTO journal.polling_worker (process, task_queue, build_id, polled_at)
    VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT (process) DO UPDATE
    SET task_queue = excluded.task_queue, build_id = excluded.build_id,
        polled_at = excluded.polled_at
"""


async def beat(pool: Pool) -> None:
    """Write this process's row. Raises when the database accepts no writes, or its disk is full."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LITTLE_MEMORY)
        await connection.execute(_WRITE_A_FILE)
        await connection.execute(_BEAT, PROCESS)


async def record_polling(pool: Pool, task_queue: str, build_id: str) -> None:
    """Record that this worker of this build polls the task queue now."""
    async with pool.acquire() as connection:
        await connection.execute(_POLLS, PROCESS, task_queue, build_id)
