"""One child process: started in its own session, proven ready, stopped within its time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from stack.errors import ProcessFailedError
from stack.guardian import Guardian

ROOT = Path(__file__).resolve().parent.parent

_POLL_SECONDS = 0.03
_LOG_LIMIT_BYTES = 8_000_000
_TAIL_LINES, _TAIL_CHARACTERS = 3, 400


class Tier(IntEnum):
    """What a program builds on: a higher tier starts later and stops earlier."""

    SERVER = 0
    SIMULATOR = 1
    SERVICE = 2


async def at_once(_pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Program:
    """What to run; `is_ready` asks it, by its own protocol, whether it serves."""

    name: str
    command: tuple[str, ...]
    tier: Tier = Tier.SERVICE
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    is_ready: Callable[[int], Awaitable[bool]] = at_once
    stop_signal: signal.Signals = signal.SIGTERM
    ready_within: float = 20.0
    stop_within: float = 4.0
    in_terminal: bool = False
    """Writes to our own standard output instead of a log."""


class Child:
    """A program while it runs. Started again, it is the same Child with another process."""

    def __init__(self, program: Program, guardian: Guardian, logs: Path) -> None:
        self.program, self.log = program, logs / f"{program.name}.log"
        self._guardian = guardian
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: asyncio.Future[int] | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        # Not by the event loop: uvloop gives a child inheritable copies of the files it is started
        # with, and a copy of the guardian's pipe keeps that open when the stack is gone.
        with self._open_log() as log:
            self._process = subprocess.Popen(  # noqa: S603 - the stack's own programs
                self._guardian.watched(self.program.command, self.program.stop_signal),
                stdin=self._guardian.pipe,
                stdout=None if self.program.in_terminal else log,
                stderr=None if self.program.in_terminal else log,
                env=self.program.environment,
                cwd=ROOT,
                start_new_session=True,
            )
        self._ended = _exit_code(self._process)

    async def ready(self) -> None:
        """Wait until it serves. Raises ProcessFailedError when it ends or takes too long."""
        ended = asyncio.ensure_future(self.wait())
        try:
            async with asyncio.timeout(self.program.ready_within):
                while not await self.program.is_ready(self.pid):
                    await asyncio.wait({ended}, timeout=_POLL_SECONDS)
                    if ended.done():
                        raise self.failed(f"ended with exit code {ended.result()} at its start")
        except TimeoutError:
            raise self.failed(f"was not ready in {self.program.ready_within:g} s") from None
        finally:
            ended.cancel()

    async def wait(self) -> int:
        """Its exit code, once it has ended; minus the signal when one ended it."""
        assert self._ended is not None, f"{self.program.name} was not started"  # noqa: S101
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """SIGKILL, as a crash would; it gets no chance to clean up."""
        self._signal_group(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to stop; kill it when it takes longer than `stop_within`."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(self.program.stop_signal)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), self.program.stop_within)
        self.kill()
        await self.wait()
        self._guardian.forget(self._process.pid)

    def failed(self, what: str) -> ProcessFailedError:
        return ProcessFailedError(self.program.name, what, self._tail())

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.program.name} was not started"  # noqa: S101
        return self._process

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _open_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = self.log.open("ab")
        self._log_start = log.tell()
        return log

    def _tail(self) -> str:
        if self.program.in_terminal:
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").split("\n")
        written = [line.strip() for line in lines if line.strip()]
        return " | ".join(written[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]


def _exit_code(process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """Return a future of the exit code, which a thread waits for."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def wait() -> None:
        code = process.wait()
        with suppress(RuntimeError):  # the loop is closed: nothing waits any more
            loop.call_soon_threadsafe(ended.set_result, code)

    Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()
    return ended
