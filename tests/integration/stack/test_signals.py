"""The stack stops in order, however often Ctrl-C is pressed."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Final

from kit.eventually import eventually
from stack.processes import ROOT

STACK: Final = """
import asyncio, contextlib, sys
from stack.run import stopped_by_signals

async def main():
    async with stopped_by_signals(end_with_parent=False):
        try:
            print("running", flush=True)
            await asyncio.Event().wait()
        finally:
            print("stopping", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print("stopped", flush=True)

with contextlib.suppress(asyncio.CancelledError):
    asyncio.run(main())
"""


async def test_further_signals_do_not_cut_the_stopping_short() -> None:
    stack = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STACK),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert stack.stdin
    assert stack.stdout
    assert await stack.stdout.readline() == b"running\n"
    stack.send_signal(signal.SIGINT)
    assert await stack.stdout.readline() == b"stopping\n"

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        stack.send_signal(number)
        await until_received(stack.pid)
    printed, _ = await stack.communicate(b"\n")

    assert printed == b"stopped\n"
    assert stack.returncode == 0


async def until_received(pid: int) -> None:
    """Wait until no signal to the process is pending."""
    await eventually(lambda: not _pending(pid), 10)


def _pending(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    masks = re.findall(r"^(?:Sig|Shd)Pnd:\s*(\w+)$", status, re.MULTILINE)
    return sum(int(mask, 16) for mask in masks)
