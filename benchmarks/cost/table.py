"""Draw the costs as a table in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.cost.count import SHOWN
from benchmarks.cost.figures import Costs, OrderCost

COLUMNS: Final[tuple[tuple[str, Callable[[OrderCost], str]], ...]] = (
    ("actions", lambda cost: f"{cost.actions}"),
    ("history events", lambda cost: f"{cost.history_events}"),
    ("history", lambda cost: kilobytes(cost.history_bytes)),
    ("statements", lambda cost: f"{cost.statements}"),
    ("WAL", lambda cost: kilobytes(cost.wal_bytes)),
    ("rows of the log", lambda cost: f"{cost.log_rows}"),
    ("their size", lambda cost: kilobytes(cost.log_bytes)),
    ("messages", lambda cost: f"{cost.bus_messages}"),
    ("their size", lambda cost: kilobytes(cost.bus_bytes)),
)


def table(costs: Costs) -> str:
    rows = [
        f"| outcome | {' | '.join(name for name, _ in COLUMNS)} |",
        f"| --- |{' ---: |' * len(COLUMNS)}",
    ]
    rows += [f"| {SHOWN[name]} | {_cells(cost)} |" for name, cost in costs.items()]
    return "\n".join(rows)


def kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} kB"


def _cells(cost: OrderCost) -> str:
    return " | ".join(cell(cost) for _, cell in COLUMNS)
