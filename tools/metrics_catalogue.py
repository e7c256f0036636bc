"""Fill or compare the table of docs/METRICS.md: `python -m tools.metrics_catalogue [--check]`.

The meaning of a metric is its help text in the code, and the values of its labels are those that
tools/metric_labels.py permits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import Metric

from kit.command import run_command
from observability import health, metrics, work
from tools.generated_blocks import write_or_check
from tools.metric_labels import LABELS, Bound

FILE: Final = Path(__file__).parent.parent / "docs" / "METRICS.md"
REGISTRIES: Final = {
    "every process": (health.REGISTRY, work.REGISTRY),
    "the API": (metrics.REGISTRY,),
}
SUFFIXES: Final = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


@dataclass(frozen=True, slots=True)
class Described:
    metric: Metric
    shown_by: str
    bounds: dict[str, Bound]

    @property
    def name(self) -> str:
        """Return the name as the pages show it, without the suffixes of a histogram."""
        return self.metric.name + ("_total" if self.metric.type == "counter" else "")

    @property
    def unit(self) -> str:
        return "seconds" if self.name.endswith("_seconds") else "count"


def described() -> Iterator[Described]:
    for shown_by, registries in REGISTRIES.items():
        for registry in registries:
            for metric in registry.collect():
                yield Described(metric, shown_by, dict(LABELS.get(metric.name, {})))


def names() -> frozenset[str]:
    """Return every name of a series that a page can show."""
    return frozenset(
        f"{each.metric.name}{suffix}"
        for each in described()
        for suffix in SUFFIXES[each.metric.type]
    )


def blocks() -> dict[str, str]:
    return {"metrics": table(), "labels": labels()}


def table() -> str:
    rows = ["| metric | type | unit | labels | shown by | meaning |", "|---|---|---|---|---|---|"]
    for each in sorted(described(), key=lambda each: each.name):
        label_names = ", ".join(f"`{name}`" for name in each.bounds)
        cells = (f"`{each.name}`", each.metric.type, each.unit, label_names, each.shown_by)
        rows.append(f"| {' | '.join(cells)} | {each.metric.documentation} |")
    return "\n".join(rows)


def labels() -> str:
    rows = ["| metric | label | values |", "|---|---|---|"]
    for each in sorted(described(), key=lambda each: each.name):
        rows += [f"| `{each.name}` | `{name}` | {bound} |" for name, bound in each.bounds.items()]
    return "\n".join(rows)


def main() -> None:
    sys.exit(write_or_check(FILE, blocks(), "tools.metrics_catalogue", sys.argv[1:]))


if __name__ == "__main__":
    run_command(main)
