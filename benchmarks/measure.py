"""Run Waybill and its peer alternately, so that a disturbance affects both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.server import Server

Run = Callable[[], Awaitable[float]]
"""Make one measured run, and return its figure in the benchmark's unit."""


@dataclass(frozen=True)
class Effort:
    pairs: int
    """The number of measured pairs. A pair is one run of Waybill and one of the peer."""
    seconds: float
    """The duration of a run that counts events in a given time."""
    scale: float
    """The factor for the size of a run that handles a given number of events."""


FULL: Final = Effort(pairs=5, seconds=2.5, scale=1)
QUICK: Final = Effort(pairs=3, seconds=0.6, scale=0.2)


@dataclass(frozen=True)
class Sides:
    """Both sides of one benchmark, ready to run."""

    peer_name: str
    ours: Run
    peer: Run


@dataclass(frozen=True)
class Benchmark:
    id: str
    unit: str
    target: float | None
    """The least ratio of Waybill's figure to the peer's; the greatest if `less_is_better`.

    None if the benchmark only reports the ratio.
    """
    sides: Callable[[Server, Effort], AbstractAsyncContextManager[Sides]]
    less_is_better: bool = False
    max_pairs: int | None = None
    """The most pairs to measure, where one run takes long; no run warms the others up then."""
    full_pairs: int | None = None
    """The pairs of a full measurement, where the difference is so small that it needs more."""
    least_prefix: str = ""
    """The shortest prefix that chooses one that takes too long, or too much, to run with others."""

    def is_chosen(self, prefix: str) -> bool:
        return self.id.startswith(prefix) and prefix.startswith(self.least_prefix)

    def pairs(self, effort: Effort) -> int:
        if effort is FULL and self.full_pairs is not None:
            return self.full_pairs
        return min(effort.pairs, self.max_pairs or effort.pairs)

    def runs(self, effort: Effort) -> int:
        """Return the number of all pairs, with the one that warms up."""
        return self.pairs(effort) + (self.max_pairs is None)


@dataclass(frozen=True)
class Count:
    """A cost that is equal on every machine. A test enforces its limit."""

    id: str
    limit: float
    value: Callable[[Server], Awaitable[float]]
    area: str
    """The first part of the ids of the benchmarks that it belongs to."""

    def is_chosen(self, prefix: str) -> bool:
        """Tell whether the prefix names it, or the whole of its area."""
        return self.id.startswith(prefix) or self.area.startswith(prefix)


@dataclass(frozen=True)
class Result:
    benchmark: Benchmark
    peer_name: str
    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True))

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def met(self) -> bool | None:
        target = self.benchmark.target
        if target is None:
            return None
        return self.ratio <= target if self.benchmark.less_is_better else self.ratio >= target


async def measure(
    benchmark: Benchmark, server: Server, effort: Effort, on_pair: Callable[[], object]
) -> Result:
    async with benchmark.sides(server, effort) as sides:
        if benchmark.max_pairs is None:
            await _pair(sides)  # warms up connections, prepared statements and caches
            on_pair()
        pairs = []
        for _ in range(benchmark.pairs(effort)):
            pairs.append(await _pair(sides))
            on_pair()
    ours, peer = zip(*pairs, strict=True)
    return Result(benchmark, sides.peer_name, ours, peer)


async def _pair(sides: Sides) -> tuple[float, float]:
    return await sides.ours(), await sides.peer()
