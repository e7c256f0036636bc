"""Report the findings of an attack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_SECONDS: Final = 1.0
"""The longest answer that an honest client may get during an attack."""
MAX_GROWTH_BYTES: Final = 50_000_000
"""The growth of the API process, from its first seconds to the end."""
MIN_CASES: Final = 10_000
"""The cases of each route in a full run."""
FULL_SECONDS: Final = 300.0

TOO_MANY: Final = 429
SERVER_ERROR: Final = 500


def demanded_in(seconds: float) -> int:
    """Return how many cases of each route a run of this length needs."""
    return int(MIN_CASES * min(1.0, seconds / FULL_SECONDS))


@dataclass
class Side:
    """The answers that one kind of client got."""

    name: str
    statuses: Counter[int] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    """The fuzzer's cases by route: only those that the route itself has answered."""
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return self.statuses.total()

    def answered(self, status: int, seconds: float, route: str | None = None) -> None:
        """Count an answer. Status 0: the connection ended without an answer."""
        self.statuses[status] += 1
        self.slowest = max(self.slowest, seconds)
        if route is not None and status not in {0, TOO_MANY}:
            self.cases[route] += 1

    def line(self) -> str:
        statuses = " ".join(f"{status}:{count}" for status, count in sorted(self.statuses.items()))
        return f"{self.name:14} {self.answers:7} answers  slowest {self.slowest:6.3f} s  {statuses}"


@dataclass
class Honest(Side):
    """A client that sends few requests, and must be answered at once."""

    def asked(self, what: str, status: int, seconds: float) -> None:
        self.answered(status, seconds)
        if status in {0, TOO_MANY} or status >= SERVER_ERROR:
            self.faults.append(f"{status} for {what}")
        if seconds > MAX_SECONDS:
            self.faults.append(f"{seconds:.2f} s for {what}")


@dataclass(frozen=True)
class Report:
    seconds: float
    routes: Sequence[str]
    honest: Honest
    attackers: Sequence[Side]
    memory_before: int
    memory_after: int

    @property
    def growth(self) -> int:
        return self.memory_after - self.memory_before

    @property
    def demanded(self) -> int:
        return demanded_in(self.seconds)

    def cases(self, route: str) -> Counter[str]:
        """Return the cases of this route by the fuzzer that made them."""
        return Counter({side.name: side.cases[route] for side in self.attackers})

    def faults(self) -> list[str]:
        return [
            *(f"{side.name}: {fault}" for side in self._sides for fault in side.faults),
            *self._too_few(),
            *([f"the API grew by {self.growth / 1e6:.0f} MB"] * (self.growth > MAX_GROWTH_BYTES)),
        ]

    def text(self) -> str:
        faults = self.faults()
        lines = [
            *(side.line() for side in self._sides),
            *(self._line_of(route) for route in self.routes),
            self._memory(),
            self._slowest(),
            *(f"FAULT {fault}" for fault in faults[:20]),
            f"faults: {len(faults)}",
        ]
        return "\n".join(lines)

    @property
    def _sides(self) -> list[Side]:
        return [self.honest, *self.attackers]

    def _memory(self) -> str:
        before, after = (size / 1e6 for size in (self.memory_before, self.memory_after))
        return f"memory of the API: {before:.0f} MB before, {after:.0f} MB after"

    def _slowest(self) -> str:
        any_side = max(side.slowest for side in self._sides)
        return f"slowest answer: {self.honest.slowest:.3f} s honest, {any_side:.3f} s of all"

    def _line_of(self, route: str) -> str:
        cases = self.cases(route)
        parts = ", ".join(f"{name} {count}" for name, count in cases.items() if count)
        return f"{route:20} {cases.total():7} cases: {parts}"

    def _too_few(self) -> Iterator[str]:
        if not self.honest.answers:
            yield "the honest client was never answered"
        for route in self.routes:
            if (made := self.cases(route).total()) < self.demanded:
                yield f"{made} cases of {route}, where {self.demanded} are demanded"
