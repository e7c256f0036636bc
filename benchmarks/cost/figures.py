"""Define what one order costs, and keep the recorded figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from stack.processes import ROOT

RECORDED: Final = ROOT / "benchmarks" / "results" / "costs.json"
EXACT: Final = ("actions", "history_events", "statements", "log_rows", "bus_messages")
"""The figures that are equal in each run and on each machine."""
MAX_GROWTH: Final = 1.15
"""The greatest factor by which sizes may exceed the record. Ids and times have several lengths."""


@dataclass(frozen=True, slots=True)
class OrderCost:
    actions: int
    """The actions that Temporal Cloud bills."""
    history_events: int
    history_bytes: int
    statements: int
    """The SQL statements of the worker, with BEGIN and COMMIT."""
    wal_bytes: int
    """Without full-page images, of which each page needs one after a checkpoint, and without the
    splits of an index's pages, of which most orders cause none."""
    log_rows: int
    log_bytes: int
    """The rows alone, without their share of the indexes."""
    bus_messages: int
    bus_bytes: int


Costs = Mapping[str, OrderCost]
"""The cost of an order by outcome."""


def read(path: Path = RECORDED) -> Costs:
    return {name: OrderCost(**found) for name, found in json.loads(path.read_text()).items()}


def write(costs: Costs, path: Path = RECORDED) -> None:
    document = {name: asdict(cost) for name, cost in costs.items()}
    path.write_text(json.dumps(document, indent=2) + "\n")


def excess(cost: OrderCost, recorded: OrderCost) -> list[str]:
    """Return the figures that differ from the record, or exceed it in size."""
    counted, kept = asdict(cost), asdict(recorded)
    return [
        f"{name}: {counted[name]:,} instead of {kept[name]:,}"
        for name in counted
        if (counted[name] != kept[name] if name in EXACT else counted[name] > _limit(kept[name]))
    ]


def _limit(recorded: int) -> float:
    return recorded * MAX_GROWTH
