"""Run coroutines together, and end them together."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta

from kit.command import Code, leave

logger = logging.getLogger(__name__)


@asynccontextmanager
async def alone() -> AsyncIterator[None]:
    """Raise the first failure of a group of tasks instead of the group."""
    try:
        yield
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def together(*jobs: Coroutine[None, None, object]) -> None:
    """Run all at once. The first failure cancels the others and is raised alone.

    A TaskGroup would leave its parent marked as cancelled (until Python 3.13), and `restarting`
    reads that mark.
    """
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            if not task.cancelling():  # a second cancellation would interrupt a clean end
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_stopped(job: Coroutine[None, None, object], within: timedelta) -> None:
    """Run the job until it ends, or until SIGINT or SIGTERM cancels it.

    After a signal the process leaves `within` that time, whether the job has ended or not.
    """
    task, loop = asyncio.ensure_future(job), asyncio.get_running_loop()

    def stop() -> None:
        if task.cancelling() == 0:  # a second signal must not interrupt the stop
            task.cancel()
            leave_within(within, 0)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def leave_within(time: timedelta, code: Code) -> None:
    """End the process after this time, if it has not ended by then."""

    def end() -> None:
        logger.warning("not everything has stopped within %g s; leaving", time.total_seconds())
        leave(code)

    asyncio.get_running_loop().call_later(time.total_seconds(), end)
