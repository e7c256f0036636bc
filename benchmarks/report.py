"""Report the results as the JSON that CONTRACT.md defines, and as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table

from benchmarks.measure import Count, Result

Entry = dict[str, Any]

_DIGITS: Final = 5
_WHOLE: Final = 100


@dataclass(frozen=True)
class Counted:
    count: Count
    value: float

    @property
    def met(self) -> bool:
        return self.value <= self.count.limit


@dataclass(frozen=True)
class Report:
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    quick: bool
    results: Sequence[Result]
    counted: Sequence[Counted]

    def write(self, path: Path, known: Set[str]) -> None:
        """Write these results; keep those of the file that were not run and are still known.

        Each says when it was measured and how: `machine` and `versions` are those of this run.
        """
        found = json.loads(path.read_text()) if path.exists() else {}
        report = self.as_json()
        now = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "quick": self.quick}
        for kind in ("results", "counted"):
            kept = [entry for entry in found.get(kind, []) if entry["id"] in known]
            report[kind] = _merged(kept, [entry | now for entry in report[kind]])
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        unfinished.write_text(json.dumps(report, indent=2) + "\n")
        unfinished.replace(path)

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "quick": self.quick,
            "results": [_result(result) for result in self.results],
            "counted": [
                {"id": c.count.id, "value": c.value, "limit": c.count.limit} for c in self.counted
            ],
        }

    def table(self) -> Table:
        table = Table("", "ours", "peer", "", "ratio", "spread", "target", "", title="Benchmarks")
        for result in self.results:
            table.add_row(*_row(result))
        for c in self.counted:
            table.add_row(
                c.count.id,
                f"{c.value:,g}",
                "",
                "",
                "",
                "",
                f"≤ {c.count.limit:,g}",
                _verdict(c.met),
            )
        return table


def _merged(kept: list[Entry], new: list[Entry]) -> list[Entry]:
    """Return both, a new one in the place of the kept one of its id."""
    return list({entry["id"]: entry for entry in (*kept, *new)}.values())


def line(result: Result) -> str:
    """Return the line that shows one result."""
    ratio = f"{result.benchmark.id}: {result.ratio:.2f}"
    return f"{ratio} ({_bound(result)}, {_verdict(result.met)})"


def _result(result: Result) -> dict[str, Any]:
    return {
        "id": result.benchmark.id,
        "unit": result.benchmark.unit,
        "ours": [_rounded(run) for run in result.ours],
        "peer_name": result.peer_name,
        "peer": [_rounded(run) for run in result.peer],
        "ratio": _rounded(result.ratio),
        "spread": [_rounded(min(result.ratios)), _rounded(max(result.ratios))],
        "target": result.benchmark.target,
        "met": result.met,
    }


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.benchmark.id,
        _figure(median(result.ours), result.benchmark.unit),
        _figure(median(result.peer), result.benchmark.unit),
        result.peer_name,
        f"{result.ratio:.2f}",
        f"{min(result.ratios):.2f} to {max(result.ratios):.2f}",
        _bound(result),
        _verdict(result.met),
    )


def _bound(result: Result) -> str:
    if result.benchmark.target is None:
        return "no target"
    sign = "≤" if result.benchmark.less_is_better else "≥"
    return f"{sign} {result.benchmark.target:g}"


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= _WHOLE else f"{value:.3g} {unit}"


def _verdict(met: bool | None) -> str:
    if met is None:
        return "reported"
    return "[green]met[/]" if met else "[red]not met[/]"


def _rounded(figure: float) -> float:
    return float(f"{figure:.{_DIGITS}g}")
