"""Start processes that consume, and kill them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from stack.processes import ROOT
from tests.support import consuming as program


class ConsumingProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


@asynccontextmanager
async def consuming(
    group: str, environment: Mapping[str, str], log: Path
) -> AsyncIterator[ConsumingProcess]:
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", program.__name__, group),
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "WAYBILL_DATA_DIR": os.devnull,
                **environment,
            },
            stderr=stderr,
        )
    try:
        yield ConsumingProcess(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
