"""Run a program of examples/ as another team would: in a process that has none of our folders."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final
from uuid import uuid4

from kit.eventually import eventually
from stack.processes import ROOT

EXAMPLES: Final = ROOT / "examples"
Rows = list[tuple[object, ...]]


@asynccontextmanager
async def running(
    program: str,
    *arguments: str,
    end_by: signal.Signals = signal.SIGKILL,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:
    """Run the example until the block ends. By default it is killed then, and cannot clean up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(EXAMPLES / program), *arguments),
        env={"PATH": os.environ["PATH"], **(environment or {})},
        cwd=EXAMPLES,
    )
    try:
        yield
        assert process.returncode is None, f"{program} has ended with {process.returncode}"
    finally:
        if process.returncode is None:
            process.send_signal(end_by)
        await process.wait()


def rows(file: Path, statement: str) -> Rows:
    """Return the rows of the example's database; none before it has one."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as database:
        try:
            return list(database.execute(statement))
        except sqlite3.OperationalError:
            return []


async def has_rows(file: Path, statement: str, expected: Rows) -> None:
    """Wait until the example's database has these rows."""
    await eventually(lambda: rows(file, statement) == expected)


def as_missed(body: bytes) -> bytes:
    """Return the event as one that the example has never seen: the broker had lost it."""
    return json.dumps(json.loads(body) | {"id": str(uuid4())}).encode()
