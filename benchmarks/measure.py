"""How a benchmark is run: ours and its peer by turns, so that what disturbs one disturbs both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.server import Server

Run = Callable[[], Awaitable[float]]
"""One measured run; its figure in the benchmark's unit."""


@dataclass(frozen=True)
class Effort:
    pairs: int
    """Of one run of ours and one of the peer, after a pair that is thrown away."""
    seconds: float
    """How long a run that counts what it can do in a time takes."""
    scale: float
    """By how much to shorten what goes through a given number of events."""


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
    """What the ratio of ours to the peer's is to reach, or not to exceed where less is better.

    None where the ratio is only reported.
    """
    sides: Callable[[Server, Effort], AbstractAsyncContextManager[Sides]]
    less_is_better: bool = False


@dataclass(frozen=True)
class Count:
    """Something that does not vary from machine to machine: a test holds it to its limit."""

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
        await _pair(sides)  # connections, prepared statements and caches warm up
        on_pair()
        pairs = []
        for _ in range(effort.pairs):
            pairs.append(await _pair(sides))
            on_pair()
    ours, peer = zip(*pairs, strict=True)
    return Result(benchmark, sides.peer_name, ours, peer)


async def _pair(sides: Sides) -> tuple[float, float]:
    return await sides.ours(), await sides.peer()
