"""Count what an order costs for each outcome, and print the table: `make cost [RECORD=1]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

import uvloop

from benchmarks.cost.count import count_all
from benchmarks.cost.figures import Costs, excess, read, write
from benchmarks.cost.table import table
from benchmarks.server import started_server
from kit.command import run_command
from settings import SettingsError, load_settings
from stack.errors import StackError
from tools import scaling


async def _count() -> Costs:
    async with started_server(load_settings().data_dir / "cost") as server:
        return await count_all(server)


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument(
        "--record", action="store_true", help="keep the figures, and write them to docs/SCALING.md"
    )
    is_recording = parser.parse_args().record
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            costs = runner.run(_count())
    except (StackError, SettingsError) as error:
        return f"cost: {error}"
    sys.stdout.write(f"{table(costs)}\n")
    if is_recording:
        write(costs)
        return scaling.main([])
    recorded = read()
    differences = [
        f"{name}: {difference}"
        for name, cost in costs.items()
        for difference in excess(cost, recorded[name])
    ]
    return "\n".join(differences) or 0


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the SDK logs each activity that fails, as some must
    run_command(main)
