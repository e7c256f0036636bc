"""Run each side of the projections' benchmarks on a small log, so that a break is noticed."""

from __future__ import annotations

import pytest

from benchmarks.measure import Benchmark, Effort
from benchmarks.projections import lag, pages, rebuild
from benchmarks.projections.lag import Seen, lags
from benchmarks.server import Server
from stack.servers import Servers

SMALL = Effort(pairs=1, seconds=0.1, scale=0.01)


@pytest.mark.parametrize(
    "benchmark",
    [*rebuild.BENCHMARKS, *lag.BENCHMARKS, *pages.BENCHMARKS],
    ids=lambda benchmark: benchmark.id,
)
async def test_both_sides_of_a_projection_benchmark_run(
    servers: Servers, benchmark: Benchmark
) -> None:
    async with benchmark.sides(Server(servers.owner_url), SMALL) as sides:
        assert await sides.ours() > 0
        assert await sides.peer() > 0


def test_the_lag_lasts_until_the_checkpoint_reaches_the_position() -> None:
    committed = [Seen(7, 10.0), Seen(3, 9.0), Seen(9, 10.5)]
    reached = [Seen(0, 8.0), Seen(3, 9.25), Seen(8, 11.0), Seen(9, 11.5)]
    assert lags(committed, reached) == [0.25, 1.0, 1.0]
