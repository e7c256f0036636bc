"""Run each side of the bus's benchmarks on a few events, so that a break is noticed."""

from __future__ import annotations

import pytest

from benchmarks.eventbus import consume, latency, memory, relay
from benchmarks.measure import Benchmark, Effort
from benchmarks.server import Server
from stack.servers import Servers

SMALL = Effort(pairs=1, seconds=0.1, scale=0.01)


@pytest.mark.parametrize(
    "benchmark",
    [*relay.BENCHMARKS, *consume.BENCHMARKS, *latency.BENCHMARKS, *memory.BENCHMARKS],
    ids=lambda benchmark: benchmark.id,
)
async def test_both_sides_of_a_bus_benchmark_run(servers: Servers, benchmark: Benchmark) -> None:
    async with benchmark.sides(Server(servers.owner_url), SMALL) as sides:
        assert await sides.ours() > 0
        assert await sides.peer() > 0
