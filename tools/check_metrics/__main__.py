"""Hold every selector of the rules and dashboards against a real Prometheus: `make check-metrics`.

Prometheus scrapes the running service after the demonstration. A selector that matches no series
names a metric or a label that does not exist, so its alert would never fire and its panel stay
empty.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from kit.command import run_command
from kit.eventually import eventually
from stack.errors import StackError
from tools.check_metrics import driving
from tools.check_metrics.elsewhere import exporter_of
from tools.check_metrics.expressions import PROMETHEUS, expressions, metric_of, selectors
from tools.check_metrics.prometheus import (
    Failed,
    Missing,
    Prometheus,
    promtool,
    require_programs,
    running,
)
from tools.metric_labels import LABELS, refusals

SETTLE_SECONDS: Final = 100
"""The time for the last figures to be scraped, and for an alert with `for: 1m` to fire."""
LOOK_EVERY_SECONDS: Final = 2

console = Console(width=130, soft_wrap=True, highlight=False)


async def check() -> int:
    require_programs()
    wanted = uses()
    console.print("Checking the configuration, and testing each alert ...")
    await promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    await promtool("test", "rules", *map(str, sorted(PROMETHEUS.glob("tests/*.yml"))))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="check-metrics-") as folder:
        console.print(f"Starting the service with {driving.WORKERS} workers ...")
        async with driving.system(Path(folder) / "data") as started:
            apis = [started.url.removeprefix("http://")]
            workers = [url.removeprefix("http://") for url in started.worker_urls]
            targets = {"waybill-api": apis, "waybill-worker": workers}
            port = started.ports.one_more()
            async with running(Path(folder) / "prometheus", port, targets) as prometheus:
                await eventually(lambda: prometheus.are_up(len(apis) + len(workers)))
                console.print("Driving the demonstration ...")
                await driving.demonstrate(started)
                async with driving.consuming(started):
                    console.print(f"Looking for {len(wanted)} selectors ...")
                    missing = await _missing(prometheus, wanted)
                    unbounded = await _unbounded(prometheus)
    _report(wanted, missing, unbounded)
    console.print(f"It took {time.monotonic() - began:.0f} s.")
    return 1 if missing or unbounded else 0


def uses() -> dict[str, list[str]]:
    """Return where each selector is used."""
    found: dict[str, list[str]] = {}
    for expression in expressions():
        try:
            names = selectors(expression.text)
        except ValueError as error:
            raise Failed(f"{expression.where}: {error}") from None
        for selector in names:
            found.setdefault(selector, []).append(expression.where)
    return found


async def _missing(prometheus: Prometheus, wanted: Iterable[str]) -> list[str]:
    """Return the selectors that match no series before the time is over."""
    left = [selector for selector in wanted if exporter_of(metric_of(selector)) is None]
    end = time.monotonic() + SETTLE_SECONDS
    while left and time.monotonic() < end:
        left = [selector for selector in left if not await prometheus.series(selector)]
        if left:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
    return left


async def _unbounded(prometheus: Prometheus) -> list[str]:
    """Return a line for each label of our series that its table does not permit."""
    lines: dict[str, None] = {}
    for series in await prometheus.series('{__name__=~"waybill_.*"}'):
        name = series["__name__"]
        for suffix in ("_bucket", "_sum", "_count", "_total"):
            if name not in LABELS:
                name = name.removesuffix(suffix)
        own = {k: v for k, v in series.items() if k not in {"__name__", "instance", "job", "le"}}
        lines |= dict.fromkeys(refusals(name, own))
    return list(lines)


def _report(wanted: dict[str, list[str]], missing: list[str], unbounded: list[str]) -> None:
    table = Table("selector", "used by", "result")
    for selector, places in sorted(wanted.items()):
        exporter = exporter_of(metric_of(selector))
        result = (
            "NO SERIES" if selector in missing else f"not here: {exporter}" if exporter else "ok"
        )
        if result != "ok":
            table.add_row(selector, "\n".join(places), result)
    if table.row_count:
        console.print(table)
    elsewhere = sum(exporter_of(metric_of(selector)) is not None for selector in wanted)
    found = len(wanted) - elsewhere - len(missing)
    console.print(
        f"{found} selectors match, {len(missing)} do not, {elsewhere} belong to exporters that"
        " cannot run here."
    )
    for line in unbounded:
        console.print(line)


def main() -> None:
    try:
        sys.exit(asyncio.run(check()))
    except Missing as missing:
        sys.stderr.write(f"check-metrics: {missing}\n")
        sys.exit(2)
    except (Failed, StackError) as failed:
        sys.stderr.write(f"check-metrics: {failed}\n")
        sys.exit(1)


if __name__ == "__main__":
    logging.disable()  # the consumer that fails would fill the screen
    run_command(main)
