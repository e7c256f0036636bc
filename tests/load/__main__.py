"""Load a shop until it breaks: `make load [SECONDS=120 RATE=3 URL= RECORD=1]`.

Customers arrive at a rate that rises in steps, until the p99 of placeOrder or of the time to
CONFIRMED breaks its bound. The command starts its own service with two workers, or loads the one
at URL, whose WAYBILL_JWT_SECRET signs the tokens. It fails if requests failed below the knee.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.machine import machine
from demo.client import Failed
from kit.command import run_command
from settings import SettingsError, load_settings
from settings_checks import check
from stack.errors import StackError
from stack.processes import ROOT
from stack.run import INTERRUPTED, say, stopped_by_signals
from stack.system import started_system
from tests.load.picture import picture
from tests.load.plan import VARIABLE, Plan, rising
from tests.load.report import Measured, Report, line, markdown
from tests.load.shop import customers, prepare
from tests.load.steps import Step
from tests.load.usage import Meter
from tests.support.guarded import guarded
from tools import scaling

WORKERS: Final = 2
STEPS: Final = 10
GIVEN: Final = {
    "WAYBILL_RATE_LIMIT_PER_ADDRESS": "0",  # all customers come from one address
    "WAYBILL_CARRIER_DISPATCH_AFTER": "PT0.5S",
    "WAYBILL_CARRIER_DELIVER_AFTER": "PT1S",
    "WAYBILL_RETURN_WINDOW": "PT30S",
}
BUILD: Final = ROOT / "build" / "load"


@asynccontextmanager
async def _service(url: str | None) -> AsyncIterator[tuple[str, str, str | None]]:
    """Yield the service's URL, the secret of its tokens and, of an own one, its database."""
    if url is not None:
        settings = load_settings()
        check(settings, "jwt_secret")
        yield url.rstrip("/"), settings.jwt_secret.get_secret_value(), None
        return
    say(f"Starting a service with {WORKERS} workers ...")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with started_system(Path(folder), workers=WORKERS, given=GIVEN) as system:
            database_url = system.servers.owner_url.replace("+asyncpg", "", 1)
            yield system.url, system.environment["WAYBILL_JWT_SECRET"], database_url


async def load(options: argparse.Namespace) -> Report:
    async with _service(options.url) as (url, secret, database_url):
        rates = rising(options.rate, options.steps)
        plan = Plan(
            url=url,
            tokens=customers(secret),
            skus=await prepare(url, secret),
            rates=rates,
            step_seconds=options.seconds / options.steps,
            has_bounds=not options.unbounded,
        )
        say(
            f"{rates[0]:g} to {rates[-1]:g} orders/s in {len(rates)} steps of "
            f"{plan.step_seconds:g} s{', until a bound breaks' if plan.has_bounds else ''} ..."
        )
        meter = Meter(url, database_url)
        async with meter.running():
            steps = [measured async for measured in _measured(plan, meter)]
    return Report(machine(), 0 if options.url else WORKERS, steps, plan.has_bounds)


async def _measured(plan: Plan, meter: Meter) -> AsyncIterator[Measured]:
    """Run locust, and yield each step with what it has used."""
    command = (
        *(sys.executable, "-m", "locust", "--locustfile", "tests/load/locustfile.py"),
        *("--headless", "--only-summary", "--loglevel", "WARNING"),
    )
    environment = {**os.environ, VARIABLE: plan.as_json(), "PYTHONPATH": str(ROOT)}
    reading, writing = os.pipe()
    with (
        os.fdopen(writing, "w") as output,
        os.fdopen(reading) as lines,
        guarded(command, environment=environment, folder=ROOT, output=output),
    ):
        output.close()  # else the last line would not be the end
        meter.read()
        while text := await asyncio.to_thread(lines.readline):
            if text.startswith('{"rate"'):
                measured = Measured(Step.from_json(json.loads(text)), meter.read())
                say(line(measured))
                yield measured


async def run(options: argparse.Namespace) -> int:
    try:
        async with stopped_by_signals(end_with_parent=options.end_with_parent):
            report = await load(options)
    except asyncio.CancelledError:
        say("Stopped.")
        return INTERRUPTED
    say(f"\n{markdown(report)}\n")
    _write(report, options.out / "load.json", options.out / "load.svg")
    if options.record:
        _write(report, scaling.LOAD, scaling.PICTURE)
        scaling.main([])
    for fault in report.faults():
        say(f"FAULT: {fault}")
    return 1 if report.faults() else 0


def _write(report: Report, figures: Path, drawn: Path) -> None:
    figures.parent.mkdir(parents=True, exist_ok=True)
    drawn.parent.mkdir(parents=True, exist_ok=True)
    figures.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    drawn.write_text(picture(report))
    say(f"Written to {figures} and {drawn}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of all steps together (120)")
    parser.add_argument("--rate", type=float, default=3.0, help="orders/s of the first step (3)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"how many at most ({STEPS})")
    parser.add_argument("--url", help="of a running service; without it, one is started")
    parser.add_argument(
        "--unbounded", action="store_true", help="run all steps; fail only if a request fails"
    )
    parser.add_argument("--out", type=Path, default=BUILD, help="the folder of the report")
    parser.add_argument("--record", action="store_true", help="write docs/SCALING.md too")
    parser.add_argument("--end-with-parent", action="store_true", help="stop with the caller")
    return parser


def main() -> int | str:
    try:
        return asyncio.run(run(_parser().parse_args()))
    except (StackError, SettingsError, Failed) as error:
        return f"load: {error}"


if __name__ == "__main__":
    run_command(main)
