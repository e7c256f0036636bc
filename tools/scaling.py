"""Fill or compare the blocks of docs/SCALING.md: `python -m tools.scaling [--check]`.

`make cost RECORD=1`, `make load RECORD=1` and `make bench` record the figures. This tool writes
what is recorded, and measures nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from benchmarks.cost import table as cost_table
from benchmarks.cost.figures import OrderCost, read
from kit.command import run_command
from stack.processes import ROOT
from tests.load.report import Report, markdown
from tools.generated_blocks import write_or_check
from tools.sizing import CpuOfOrder
from tools.sizing import table as sizing_table

FILE: Final = ROOT / "docs" / "SCALING.md"
RESULTS: Final = ROOT / "benchmarks" / "results"
LOAD: Final = RESULTS / "load.json"
PICTURE: Final = ROOT / "docs" / "images" / "load.svg"

PARTS: Final[Mapping[str, str]] = {
    "eventstore.append.1w.vs_insert": "append, 1 writer",
    "eventstore.append.8w.vs_insert": "append, 8 writers",
    "eventstore.append.32w.vs_insert": "append, 32 writers",
    "eventstore.batch100.vs_insert": "append, 100 events at a time",
    "bus.relay.vs_nats": "relay to NATS",
    "bus.consume.vs_nats": "consumer of NATS",
    "projection.rebuild.vs_copy": "rebuild of a projection",
}
"""The benchmarks whose figure is a rate of events, and the part that each one measures."""


def blocks() -> dict[str, str]:
    costs, load = read(), Report.from_json(json.loads(LOAD.read_text()))
    completed, cpu = costs["completed"], cpu_of_an_order(load)
    return {
        "costs": cost_table.table(costs),
        "load": f"{_machine(load)}\n\n{markdown(load)}",
        "cpu": _cpu_table(cpu),
        "parts": _parts(completed),
        "sizing": sizing_table(completed, cpu),
    }


def cpu_of_an_order(load: Report) -> CpuOfOrder:
    """Return the CPU seconds at the knee, or at the first step if none held."""
    measured = load.knee or load.steps[0]
    seconds: dict[str, float] = {}
    for part, processors in measured.usage.cpu.items():
        name = "worker" if part.startswith("worker") else part
        used = processors / measured.step.orders_per_second
        seconds[name] = seconds.get(name, 0.0) + used
    return CpuOfOrder(seconds)


def _cpu_table(cpu: CpuOfOrder) -> str:
    rows = ["| part | CPU an order |", "| --- | ---: |"]
    by_use = sorted(cpu.seconds.items(), key=lambda part: -part[1])
    return "\n".join([*rows, *(f"| {part} | {used * 1000:.0f} ms |" for part, used in by_use)])


def _machine(load: Report) -> str:
    machine = f"{load.machine['cores']} processors ({load.machine['cpu']})"
    return f"Measured at {load.measured_at} on {machine}, with {load.workers} workers."


def _parts(completed: OrderCost) -> str:
    rows = [
        "| part | benchmark | events/s | of the peer's rate | as orders/s |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    found = {result["id"]: result for result in _results()}
    rows += [_part(PARTS[name], found[name], completed.log_rows) for name in PARTS if name in found]
    return "\n".join(rows)


def _part(part: str, result: Mapping[str, Any], events_of_an_order: int) -> str:
    rate = median(result["ours"])
    return (
        f"| {part} | `{result['id']}` | {rate:,.0f} | {result['ratio']:.2f} "
        f"| {rate / events_of_an_order:,.0f} |"
    )


def _results() -> Sequence[Mapping[str, Any]]:
    results: Sequence[Mapping[str, Any]] = json.loads((RESULTS / "latest.json").read_text())[
        "results"
    ]
    return results


def main(arguments: Sequence[str]) -> int | str:
    return write_or_check(FILE, blocks(), "tools.scaling", arguments)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
