"""Run the command line `waybill` as a process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from stack.processes import ROOT

TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True)
class Ended:
    """A command that has ended, with what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the document on standard output. Fail unless the command has succeeded."""
        assert (self.code, self.err) == (0, ""), self
        return json.loads(self.out)


@dataclass(frozen=True)
class Waybill:
    """The command line of one operator, for one deployment."""

    url: str
    token: str

    async def __call__(self, *arguments: str) -> Ended:
        """Run a command to its end."""
        async with self.started(*arguments) as process, asyncio.timeout(TIMEOUT_SECONDS):
            out, err = await process.communicate()
            assert process.returncode is not None
            return Ended(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def started(self, *arguments: str) -> AsyncIterator[Process]:
        """Start a command; kill it at the end of the block if it still runs."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments),
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}:{ROOT / 'graphql'}",
                "WAYBILL_URL": self.url,
                "WAYBILL_TOKEN": self.token,
            },
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
