"""Start the child processes, restart those that end, and stop all in reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from kit.tasks import alone
from stack.data_dir import locked
from stack.guardian import Guardian
from stack.processes import Child, Program, Tier

Say = Callable[[str], None]


def mute(_: str) -> None:
    """Print nothing."""


_FIRST_BACKOFF_SECONDS, _LAST_BACKOFF_SECONDS = 0.5, 8.0
_STEADY_SECONDS = 30.0


class Supervisor:
    def __init__(self, guardian: Guardian, logs: Path, say: Say, show_progress: Say) -> None:
        self._guardian, self._logs, self._say = guardian, logs, say
        self._show_progress = show_progress
        self._children: list[Child] = []

    @property
    def children(self) -> Sequence[Child]:
        """The programs that it has started, the first one first."""
        return tuple(self._children)

    async def start(self, program: Program) -> Child:
        """Start it and wait until it serves. Raises ProcessFailedError."""
        began = time.monotonic()
        child = await self._start(program)
        self._show_progress(f"{program.name} is ready ({time.monotonic() - began:.1f} s)")
        return child

    async def _start(self, program: Program) -> Child:
        child = Child(program, self._guardian, self._logs)
        self._children.append(child)
        child.start()
        await child.ready()
        return child

    async def finish(self, program: Program) -> int:
        """Run it to its end; its exit code."""
        child = await self._start(program)
        try:
            return await child.wait()
        finally:
            await child.stop()
            self._children.remove(child)

    async def succeed(self, program: Program) -> None:
        """Run it to its end. Raises ProcessFailedError unless it exits with 0."""
        began = time.monotonic()
        child = await self._start(program)
        try:
            if code := await child.wait():
                raise child.failed(f"failed with exit code {code}")
        finally:
            await child.stop()
            self._children.remove(child)
        self._show_progress(f"{program.name} is done ({time.monotonic() - began:.1f} s)")

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Restart each child that ends, and print a notice.

        If a server ends, cancel the body and raise ProcessFailedError.
        """
        children = list(self._children)
        async with alone(), asyncio.TaskGroup() as group:
            watches = [group.create_task(self._keep(child)) for child in children]
            yield
            for watch in watches:
                watch.cancel()

    async def stop(self) -> None:
        """Stop all children by tier, the last started tier first."""
        for tier in sorted(Tier, reverse=True):
            await asyncio.gather(*(c.stop() for c in self._children if c.program.tier is tier))

    async def _keep(self, child: Child) -> NoReturn:
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            started = asyncio.get_running_loop().time()
            code = await child.wait()
            if child.program.tier is Tier.SERVER:
                raise child.failed(f"ended with exit code {code}, which ends the stack")
            if asyncio.get_running_loop().time() - started > _STEADY_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            self._say(
                f"{child.program.name} ended with exit code {code}; starting it again in "
                f"{backoff:g} s (log: {child.log})"
            )
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF_SECONDS)
            await child.stop()
            child.start()


@asynccontextmanager
async def supervised(
    data_dir: Path, say: Say = mute, show_progress: Say = mute
) -> AsyncIterator[Supervisor]:
    """A supervisor that alone uses this data folder. Raises AlreadyRunningError, DataDirError.

    It reports with `say` what ends and is started again, with `show_progress` what is ready.
    """
    with locked(data_dir) as lock:
        guardian = Guardian(kept_open=[lock])
        supervisor = Supervisor(guardian, data_dir / "logs", say, show_progress)
        try:
            yield supervisor
        finally:
            try:
                await supervisor.stop()
            finally:
                guardian.close()
