"""Start the whole system as `make run` does, on its own ports and in its own folder."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from stack.processes import ROOT
from stack.run import DEMO_DEADLINES
from stack.system import System, started_system
from tests.e2e.orders import NOT_BY_ITSELF

HASTE: Mapping[str, str] = {
    **DEMO_DEADLINES,
    "WAYBILL_PROVIDER_TIMEOUT": "PT4S",
    "WAYBILL_PAYMENT_WINDOW": "PT6S",
    "WAYBILL_DISPATCH_DEADLINE": "PT6S",
    "WAYBILL_RETURN_WINDOW": "PT5S",
    "WAYBILL_CARRIER_DISPATCH_AFTER": "PT0.2S",
    "WAYBILL_CARRIER_DELIVER_AFTER": "PT0.2S",
}
"""No worker dies here, so no deadline has to leave time for another to take over."""


TABLE_WIDTH = 6


@pytest.fixture(scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """One system for all tests that break nothing of it."""
    async with started_system(tmp_path_factory.mktemp("system"), given=HASTE) as started:
        yield started


@pytest.fixture(scope="session")
async def unwatched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Start a system that is reconciled by hand alone. Its tests lose workflows and events."""
    async with started_system(tmp_path_factory.mktemp("unwatched"), given=NOT_BY_ITSELF) as started:
        yield started


@dataclass
class Demonstration:
    """A running `python -m demo`."""

    process: asyncio.subprocess.Process
    printed: str = ""

    async def prints(self, text: str) -> None:
        """Wait until it has printed this, or ended."""
        assert self.process.stdout
        while text not in self.printed and (line := await self.process.stdout.readline()):
            self.printed += line.decode()

    async def ends(self) -> int:
        """Wait until it ends; return its exit code."""
        await self.prints("\0")
        return await self.process.wait()

    @property
    def became(self) -> dict[str, str]:
        """Return the closing table: the number of orders by outcome."""
        rows = [re.split(" {2,}", line.strip()) for line in self.printed.splitlines()]
        return {row[0]: row[3] for row in rows if len(row) == TABLE_WIDTH and row[1].isdecimal()}


@asynccontextmanager
async def demonstration(system: System, *arguments: str) -> AsyncIterator[Demonstration]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "demo", *arguments),
        cwd=ROOT,
        env={**system.environment, "COLUMNS": "80"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Demonstration(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
