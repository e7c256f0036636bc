"""What an attack has found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

MAX_SECONDS: Final = 1.0
"""For an honest client's answer, whatever others send."""
MAX_GROWTH_BYTES: Final = 50_000_000
"""Of the API process, between the end of its first seconds and the end."""

TOO_MANY: Final = 429
SERVER_ERROR: Final = 500


@dataclass
class Side:
    """The answers that one kind of client was given."""

    name: str
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.statuses.total()

    def answered(self, status: int, seconds: float, what: str) -> None:
        """Status 0: the connection was ended without an answer."""
        self.statuses[status] += 1
        self.slowest = max(self.slowest, seconds)
        if SERVER_ERROR <= status < SERVER_ERROR + 100:
            self.faults.append(f"{status} for {what:.300}")

    def line(self) -> str:
        statuses = " ".join(f"{status}:{count}" for status, count in sorted(self.statuses.items()))
        return f"{self.name:24} {self.cases:8} cases  slowest {self.slowest:6.3f} s  {statuses}"


@dataclass
class Honest(Side):
    """A client that asks for little, and has to be answered at once."""

    def answered(self, status: int, seconds: float, what: str) -> None:
        super().answered(status, seconds, what)
        if status in {0, TOO_MANY}:
            self.faults.append(f"{status} for the honest client's {what}")
        if seconds > MAX_SECONDS:
            self.faults.append(f"{seconds:.2f} s for the honest client's {what}")


@dataclass(frozen=True)
class Report:
    sides: list[Side]
    memory_before: int
    memory_after: int

    @property
    def growth(self) -> int:
        return self.memory_after - self.memory_before

    def faults(self) -> list[str]:
        found = [f"{side.name}: {fault}" for side in self.sides for fault in side.faults]
        if self.growth > MAX_GROWTH_BYTES:
            found.append(f"the API grew by {self.growth / 1e6:.0f} MB")
        return found

    def text(self) -> str:
        before, after = (size / 1e6 for size in (self.memory_before, self.memory_after))
        slowest = max(side.slowest for side in self.sides)
        cases = sum(side.cases for side in self.sides)
        return "\n".join(
            [
                *(side.line() for side in self.sides),
                f"memory of the API: {before:.0f} MB before, {after:.0f} MB after",
                f"slowest answer: {slowest:.3f} s; cases: {cases}",
                *(f"FAULT {fault}" for fault in self.faults()[:20]),
            ]
        )
