"""Define the results of a step, and find the knee of the curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, Self

PLACED: Final = "PlaceOrder"
CONFIRMED: Final = "until CONFIRMED"
BOUNDS_MS: Final[Mapping[str, float]] = {PLACED: 1_000.0, CONFIRMED: 5_000.0}
"""A step holds while the p99 of each is below its bound."""
MAX_FAILED_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Figures:
    """The times of one kind of request, in milliseconds."""

    count: int
    failed: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Step:
    rate: float
    """The orders a second that were to arrive."""
    seconds: float
    requests: Mapping[str, Figures]
    errors: Sequence[str]
    late_ms: float
    """How late the load itself has been at most: above 100 ms, it is the load that is too slow."""

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        requests = {name: Figures(**figures) for name, figures in found["requests"].items()}
        return cls(**{**found, "requests": requests})

    @property
    def orders_per_second(self) -> float:
        placed = self.requests.get(PLACED)
        return (placed.count - placed.failed) / self.seconds if placed else 0.0

    @property
    def failed(self) -> int:
        return sum(figures.failed for figures in self.requests.values())

    def breaks(self) -> str | None:
        """Say which bound the step has broken; None if it held."""
        for name, bound in BOUNDS_MS.items():
            if name in self.requests and (p99 := self.requests[name].p99) > bound:
                return f"the p99 of {name} is {p99:,.0f} ms, above {bound:,.0f} ms"
        if self.failed > MAX_FAILED_SHARE * sum(f.count for f in self.requests.values()):
            return f"{self.failed} requests have failed"
        return None


def knee(steps: Sequence[Step]) -> int | None:
    """Return the index of the last step before the first one that broke; None if none held."""
    held = next((n for n, step in enumerate(steps) if step.breaks()), len(steps))
    return held - 1 if held else None


def quantile(times: Sequence[float], share: float) -> float:
    """Return the smallest time that at least this share does not exceed; 0 for no times."""
    return sorted(times)[max(ceil(share * len(times)), 1) - 1] if times else 0.0
