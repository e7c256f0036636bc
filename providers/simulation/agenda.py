"""Run the later actions of a simulator: deliver webhooks, move parcels. It survives a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from providers.simulation.store import Job, Store

Handler = Callable[[Job], Awaitable[bool]]
"""Run the job; return False to have it tried again later."""

AT_ONCE = 16
FIRST_RETRY_SECONDS = 0.1
MAX_RETRY_SECONDS = 30.0
MAX_ATTEMPTS = 24


class Agenda:
    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = handlers
        self._woken = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Run due jobs until cancelled; a job that was started and not finished runs again."""
        try:
            while True:
                self._woken.clear()
                seconds = self._start_due_jobs()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._woken.wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _start_due_jobs(self) -> float | None:
        """Start the due jobs that fit; return the seconds until the next is due, None if there is
        none."""
        for job in self._store.next_jobs(2 * AT_ONCE + 1):
            if job.id in self._running:
                continue
            if (seconds := job.due - time.time()) > 0:
                return seconds
            if len(self._running) == AT_ONCE:
                return None
            # Postpone it before it runs: after a crash during the run it is tried again.
            self._store.postpone(job, retry_delay(job.attempts))
            self._running[job.id] = asyncio.create_task(self._do(job))
        return None

    async def _do(self, job: Job) -> None:
        try:
            if await self._handlers[job.kind](job) or job.attempts + 1 >= MAX_ATTEMPTS:
                self._store.finish(job)
        finally:
            del self._running[job.id]
            self._woken.set()


def retry_delay(attempts: int) -> float:
    """Return the seconds to wait after this many attempts: doubled each time, up to a limit."""
    return float(min(FIRST_RETRY_SECONDS * 2**attempts, MAX_RETRY_SECONDS))
