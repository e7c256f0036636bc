"""Run `make republish`, in this process and as the command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import aclosing

from eventbus.republish import republish
from stack.processes import ROOT
from tests.support.bus_log import Log


async def lines_of(log: Log, first: int, events_at_once: int = 500) -> list[str]:
    """Publish the events from this position again, and return what the command prints."""
    async with (
        log.broker.publishing() as publisher,
        aclosing(republish(log.pool, publisher, first, events_at_once=events_at_once)) as lines,
    ):
        return [line async for line in lines]


async def command(first: str, database_url: str, settings: Mapping[str, str]) -> tuple[int, str]:
    """Run the command; return its exit code and its output, or its errors if it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "eventbus.republish", f"--from={first}"),
        cwd=ROOT,
        env={
            **os.environ,
            "WAYBILL_DATA_DIR": os.devnull,
            "WAYBILL_DATABASE_URL": database_url,
            **settings,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (output if process.returncode == 0 else errors).decode()
