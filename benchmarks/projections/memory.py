"""Compare the highest memory of the process that rebuilds a long log and a shorter one.

Both logs are long enough that all ranges of streams are filled at once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.measure import Count
from benchmarks.projections.order_log import fill
from benchmarks.projections.ours import rebuild_orders
from benchmarks.server import Server
from kit.command import run_command
from stack.processes import ROOT

FEW_EVENTS: Final = 150_000
MANY_EVENTS: Final = 600_000
LIMIT: Final = 1.2


async def highest_memory(server: Server, events: int) -> int:
    """Return the highest resident memory of a process that rebuilds the order view once."""
    async with server.database() as url:
        await fill(url, events)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.projections.memory"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate(url.encode())
        return int(printed)


async def _growth(server: Server) -> float:
    return await highest_memory(server, MANY_EVENTS) / await highest_memory(server, FEW_EVENTS)


def _high_water_mark() -> int:
    """Return VmHWM in kB: getrusage would count the parent's memory before the exec as well."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


COUNTS: Final = (Count("projection.rebuild.memory", LIMIT, _growth, "projection"),)


def main() -> None:
    uvloop.run(rebuild_orders(sys.stdin.read(), accept=True))
    sys.stdout.write(str(_high_water_mark()))
    sys.stdout.flush()


if __name__ == "__main__":
    run_command(main)
