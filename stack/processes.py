"""Start a child process in its own session, wait until it is ready, and stop it in time."""

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
    """The level of a program. A higher tier starts later and stops earlier."""

    SERVER = 0
    SIMULATOR = 1
    SERVICE = 2


async def at_once(_pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Program:
    """A program to run. `is_ready` probes it by its own protocol."""

    name: str
    command: tuple[str, ...]
    tier: Tier = Tier.SERVICE
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    is_ready: Callable[[int], Awaitable[bool]] = at_once
    stop_signal: signal.Signals = signal.SIGTERM
    ready_within: float = 60.0
    stop_within: float = 4.0
    in_terminal: bool = False
    """True for a program that writes to the terminal instead of a log."""


class Child:
    """A running program. After a restart, the same Child has another process."""

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
        # The event loop must not start it: uvloop gives a child inheritable copies of its files,
        # and a copy of the guardian's pipe would keep the pipe open after the stack has ended.
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
        """Wait until it is ready. Raises ProcessFailedError if it ends or takes too long."""
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
        """Wait for its end; return its exit code, or the negative number of the ending signal."""
        assert self._ended is not None, f"{self.program.name} was not started"  # noqa: S101
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """Kill the process group by SIGKILL, without any cleanup, as a crash does."""
        self._signal_group(signal.SIGKILL)

    async def stop(self) -> None:
        """Signal it to stop, and kill it after `stop_within` seconds."""
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
        with suppress(RuntimeError):  # the loop is closed, so nothing waits
            loop.call_soon_threadsafe(ended.set_result, code)

    Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()
    return ended
