"""Work out what a rate of orders needs, from the recorded costs and loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import Final

from benchmarks.cost.figures import OrderCost

RATES: Final = (10, 100, 1_000, 10_000)
DAY_SECONDS: Final = 86_400
INDEX_FACTOR: Final = 1.4
"""The log with its three indexes over its rows, 1.3 where the indexes are new."""
BUSY_SHARE: Final = 0.6
"""The share of a processor that is planned for, so that a peak and a lost process have room."""
WORKER_CONNECTIONS: Final = 20
API_CONNECTIONS: Final = 25
"""The most that one process opens: see docs/CONNECTIONS.md."""
EVENTS_PER_SHARD: Final = 50
"""The history events a second that are planned for one history shard of Temporal."""
MIN_SHARDS: Final = 512
EVENTS_PER_POSTGRESQL: Final = 16_000
"""An assumption: what the relay publishes, and four times what two processors append."""
HEADINGS: Final = (
    "orders/s",
    "actions/s",
    "history events/s",
    "statements/s",
    "WAL",
    "messages/s",
    "API processes",
    "workers",
    "connections",
    "processors of Temporal",
    "history shards",
    "PostgreSQL servers",
    "log a day",
)


@dataclass(frozen=True, slots=True)
class CpuOfOrder:
    """The CPU seconds of one order by part."""

    seconds: Mapping[str, float]

    def processors(self, part: str, rate: float) -> int:
        return ceil(rate * self.seconds.get(part, 0.0) / BUSY_SHARE)


def table(cost: OrderCost, cpu: CpuOfOrder) -> str:
    rows = [f"| {' | '.join(HEADINGS)} |", f"|{' ---: |' * len(HEADINGS)}"]
    return "\n".join([*rows, *(f"| {' | '.join(_row(rate, cost, cpu))} |" for rate in RATES)])


def _row(rate: int, cost: OrderCost, cpu: CpuOfOrder) -> tuple[str, ...]:
    # One more of each than the load needs, so that a process may be restarted.
    api, workers = cpu.processors("API", rate) + 1, cpu.processors("worker", rate) + 1
    return (
        f"{rate:,}",
        f"{rate * cost.actions:,}",
        f"{rate * cost.history_events:,}",
        f"{rate * cost.statements:,}",
        f"{rate * cost.wal_bytes / 1e6:,.1f} MB/s",
        f"{rate * cost.bus_messages:,}",
        f"{api:,}",
        f"{workers:,}",
        f"{api * API_CONNECTIONS + workers * WORKER_CONNECTIONS:,}",
        f"{cpu.processors('Temporal', rate):,}",
        f"{shards(rate * cost.history_events):,}",
        f"{ceil(rate * cost.log_rows / EVENTS_PER_POSTGRESQL)}",
        f"{rate * DAY_SECONDS * cost.log_bytes * INDEX_FACTOR / 1e9:,.0f} GB",
    )


def shards(history_events: float) -> int:
    """Return the next power of two, since the number of shards of a cluster is fixed for good."""
    needed = max(MIN_SHARDS, history_events / EVENTS_PER_SHARD)
    return 1 << ceil(log2(needed))
