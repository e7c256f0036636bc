"""Run a job, or a program, beside the block of a test."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import ModuleType

from stack.processes import ROOT


@asynccontextmanager
async def beside(job: Coroutine[None, None, object]) -> AsyncIterator[None]:
    """Run the job until the block ends."""
    task = asyncio.create_task(job)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def program(module: ModuleType, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m module` until the block ends, and kill it then if the test has not."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module.__name__, *arguments),
        cwd=ROOT,
        env=os.environ | {"WAYBILL_DATA_DIR": os.devnull},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
