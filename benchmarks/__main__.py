"""Run the benchmarks, write the results and print them: `make bench`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import Final

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.catalogue import BENCHMARKS, COUNTS
from benchmarks.machine import machine, versions
from benchmarks.measure import FULL, QUICK, Benchmark, Count, Result, measure
from benchmarks.report import Counted, Report, line
from benchmarks.server import Server, started_server
from kit.command import run_command
from settings import SettingsError, load_settings
from stack.errors import StackError
from stack.processes import ROOT

RESULTS: Final = ROOT / "benchmarks" / "results" / "latest.json"
NOTHING_FOUND: Final = 2


async def bench(only: str, quick: bool, console: Console) -> int:
    benchmarks = [b for b in BENCHMARKS if b.is_chosen(only)]
    counts = [c for c in COUNTS if c.is_chosen(only)]
    if not benchmarks and not counts:
        console.print(f"No benchmark begins with {only}: they are")
        console.print("\n".join([b.id for b in BENCHMARKS] + [c.id for c in COUNTS]))
        return NOTHING_FOUND
    async with started_server(load_settings().data_dir / "benchmarks") as server:
        results = await _results(benchmarks, server, quick, console)
        counted = [await _counted(count, server) for count in counts]
        report = Report(machine(), versions(await server.version()), quick, results, counted)
    report.write(RESULTS, known={b.id for b in BENCHMARKS} | {c.id for c in COUNTS})
    console.print(report.table())
    console.print(f"Written to {RESULTS.relative_to(ROOT)}")
    return 0


async def _results(
    benchmarks: list[Benchmark], server: Server, quick: bool, console: Console
) -> list[Result]:
    effort, results = QUICK if quick else FULL, []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # It refreshes only between runs, because a drawing thread would slow the runs down.
    with Progress(
        *columns, TimeElapsedColumn(), console=console, auto_refresh=False, transient=True
    ) as progress:
        task = progress.add_task("", total=sum(b.runs(effort) for b in benchmarks))
        for benchmark in benchmarks:
            progress.update(task, description=benchmark.id, refresh=True)
            results.append(
                await measure(
                    benchmark,
                    server,
                    effort,
                    lambda: progress.update(task, advance=1, refresh=True),
                )
            )
            console.print(line(results[-1]))
    return results


async def _counted(count: Count, server: Server) -> Counted:
    return Counted(count, await count.value(server))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="PREFIX", help="of the ids to run, or of an area"
    )
    parser.add_argument("--quick", action="store_true", help="a fifth of the time, less exact")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(bench(arguments.only, arguments.quick, console))
    except (StackError, SettingsError) as error:
        console.print(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    run_command(main)
