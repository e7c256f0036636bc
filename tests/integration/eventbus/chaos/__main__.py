"""`make chaos-bus`: break the relay, the broker and the consumers at random, under load.

Every event must reach every group, make its effect there once, and each stream must be handled in
its order.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.server import started_server
from kit.command import run_command
from stack.errors import StackError
from stack.postgres import connected
from tests.integration.eventbus.chaos.load import Outcome, chaos
from tests.integration.eventbus.chaos.subjects import SUBJECTS
from tests.support.consuming import CREATE

SECONDS: Final = 300.0


async def run(names: Sequence[str], seconds: float) -> int:
    outcomes = []
    for name in names:
        outcome = await _run(name, seconds)
        sys.stdout.write(f"{name}: {report(outcome)}\n")
        sys.stdout.flush()
        outcomes.append(outcome)
    return 0 if all(outcome.is_flawless for outcome in outcomes) else 1


async def _run(name: str, seconds: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="waybill-chaos-bus-") as temporary:
        folder = Path(temporary)
        async with (
            started_server(folder / "data") as server,
            server.database() as url,
            SUBJECTS[name](folder / "broker") as subject,
        ):
            async with connected(url) as owner:
                await owner.execute(CREATE)
            return await chaos(url, subject, folder, seconds)


def report(outcome: Outcome) -> str:
    faults = ", ".join(f"{name} {count}" for name, count in outcome.faults.items())
    return f"{outcome.events:,} events; faults: {faults}. {_verdict(outcome)}"


def _verdict(outcome: Outcome) -> str:
    if outcome.is_flawless:
        return "Each effect was made once, in order."
    lines = [f"It failed: {outcome.letters} dead letters, missing to {outcome.missing_to}."]
    for group, found in outcome.found.items():
        effects = sum(map(len, found.values()))
        wrong = [s for s, versions in outcome.expected.items() if found.get(s) != versions]
        lines.append(f"Group {group} made {effects:,} effects. Wrong: {', '.join(wrong) or 'none'}")
    return "\n  ".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos-bus", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each broker")
    parser.add_argument("--bus", choices=SUBJECTS, action="append", help="all by default")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(arguments.bus or list(SUBJECTS), arguments.seconds))
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    run_command(main)
