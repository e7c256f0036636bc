"""Start a process of Waybill, read its log, and wait for its end."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stack.processes import ROOT
from tests.support.forks import Fork, fork
from tests.support.guarded import guarded

DATABASE, TEMPORAL, NATS = "WAYBILL_DATABASE_URL", "WAYBILL_TEMPORAL_ADDRESS", "WAYBILL_NATS_URL"
TIMEOUT_SECONDS = 60


def at(url: str, port: int) -> str:
    """Return the same address with another port."""
    return url.replace(f":{urlsplit(url if '//' in url else f'//{url}').port}", f":{port}", 1)


@dataclass
class Process:
    process: subprocess.Popen[bytes] | Fork
    _log: Path

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    async def writes(self, pattern: str, times: int = 1) -> None:
        """Wait until this many lines of the log match; fail when the process ends before."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(re.findall(pattern, self.log, re.MULTILINE)) < times:
                assert self.runs, self.log
                await asyncio.sleep(0.02)

    async def ends(self, seconds: float) -> int:
        """Return the exit code. Fail when the process still runs after this many seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.to_thread(self.process.wait)
        except TimeoutError:
            raise AssertionError(f"it still runs after {seconds} s: {self.log}") from None

    async def stops(self, number: signal.Signals) -> tuple[int, float]:
        """Send the signal; return the exit code and the seconds until the end."""
        sent = time.monotonic()
        self.process.send_signal(number)
        return await self.ends(TIMEOUT_SECONDS), time.monotonic() - sent


@asynccontextmanager
async def started(
    log: Path, environment: Mapping[str, str], *arguments: str
) -> AsyncIterator[Process]:
    """Start a Python program of the checkout; kill it at the end of the block."""
    with (
        log.open("w") as output,
        guarded(
            (sys.executable, *arguments), environment=environment, folder=ROOT, output=output
        ) as process,
    ):
        yield Process(process, log)


@asynccontextmanager
async def forked(
    log: Path, environment: Mapping[str, str], *arguments: str
) -> AsyncIterator[Process]:
    """Do the same in a fork, which does not import the program again, for one that soon ends."""
    with fork(*arguments, environment=environment, output=log) as process:
        yield Process(process, log)
