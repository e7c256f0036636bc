"""`make prove-log`: run many writers, readers and faults against the log; count its errors."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.server import Server, started_server
from kit.command import run_command
from stack.errors import StackError
from tests.integration.eventstore.proof import Load, Outcome, mixed, prove, slow_beside_batches
from tests.integration.eventstore.readers import Faults

SECONDS = 60.0


def loads(seconds: float) -> dict[str, Load]:
    return {
        "synchronous_commit on": slow_beside_batches(seconds, synchronous_commit=True),
        "synchronous_commit off": slow_beside_batches(seconds, synchronous_commit=False),
        "1 and 2,000 events": mixed(seconds / 2, seed=1),
    }


async def prove_all(seconds: float, console: Console) -> int:
    with tempfile.TemporaryDirectory(prefix="waybill-prove-log-") as folder:
        async with started_server(Path(folder) / "data") as server:
            outcomes = {
                name: await proved(server, name, load, console)
                for name, load in loads(seconds).items()
            }
    console.print(table(outcomes))
    is_proved = all(outcome.is_flawless for outcome in outcomes.values())
    console.print("The log skipped nothing." if is_proved else "The log broke its promise.")
    return 0 if is_proved else 1


async def proved(server: Server, name: str, load: Load, console: Console) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task(name, total=load.seconds)

        def show(written: int, read: int) -> None:
            elapsed = progress.tasks[0].elapsed or 0
            text = f"{name}: {written:,} written, {read:,} read by all"
            progress.update(task, completed=elapsed, description=text, refresh=True)

        async with server.database() as url:
            return await prove(url, load, show)


def table(outcomes: dict[str, Outcome]) -> Table:
    counted = [name.replace("_", " ") for name in Faults._fields]
    shown = Table("load", "reader", "committed", *counted)
    for name, outcome in outcomes.items():
        for reader, faults in outcome.faults:
            shown.add_row(name, reader, f"{outcome.committed:,}", *(f"{n:,}" for n in faults))
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="make prove-log", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    arguments = parser.parse_args()
    logging.getLogger("eventstore").setLevel(logging.CRITICAL)  # each cut leader would log an error
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(prove_all(arguments.seconds, console))
    except StackError as error:
        console.print(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    run_command(main)
