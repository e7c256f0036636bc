"""Follow the log in a process of its own, so that a test can stop and kill the leader.

    python -m tests.support.following_leader URL

After SIGUSR1 the process stops itself with SIGSTOP at its next event, inside its transaction.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.pool import create_pool
from projections.change import Step
from projections.follower import Follower
from tests.integration.projections import following


async def main(url: str) -> None:
    logging.basicConfig(level=logging.INFO)
    must_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, must_stop.set)

    def apply(event: Any, stored: StoredEvent) -> Sequence[Step]:  # noqa: ANN401 - any event
        if must_stop.is_set():
            must_stop.clear()
            os.kill(os.getpid(), signal.SIGSTOP)
        return following.apply(event, stored)

    async with await create_pool(url, size=4) as pool:
        logging.info("following while this process leads")
        await Follower(pool, PostgresEventStore(pool), following.following(apply)).run()


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(sys.argv[1])))
