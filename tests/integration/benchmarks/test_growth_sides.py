"""Run the benchmarks of the log's growth on small logs, so that a broken one is noticed."""

from __future__ import annotations

import pytest

from benchmarks.catalogue import BENCHMARKS
from benchmarks.eventstore.fill import fill
from benchmarks.eventstore.growth import BENCHMARKS as GROWTHS
from benchmarks.measure import Benchmark, Effort
from benchmarks.server import Server
from stack.postgres import connected
from stack.servers import Servers

TINY = Effort(pairs=1, seconds=0.1, scale=0.001)


@pytest.mark.parametrize("growth", GROWTHS, ids=lambda growth: growth.id)
async def test_a_long_and_a_short_log_are_measured(servers: Servers, growth: Benchmark) -> None:
    async with growth.sides(Server(servers.owner_url), TINY) as sides:
        assert await sides.ours() > 0
        assert await sides.peer() > 0
    assert sides.peer_name.startswith("ours, 10,000 events (against ")


async def test_a_filled_log_has_its_constraints_again(servers: Servers) -> None:
    async with Server(servers.owner_url).database() as url:
        async with connected(url) as connection:
            before = await connection.fetch(_CONSTRAINTS)
        await fill(url, 100)
        async with connected(url) as connection:
            assert await connection.fetch(_CONSTRAINTS) == before
            assert await connection.fetchval("SELECT count(*) FROM eventstore.event") == 100


def test_20_million_events_are_filled_only_for_a_benchmark_that_is_named() -> None:
    long = {"eventstore.append_growth_20m", "eventstore.tail_growth_20m"}

    chosen = {benchmark.id for benchmark in BENCHMARKS if benchmark.is_chosen("eventstore")}
    assert chosen & long == set()
    assert {
        benchmark.id for name in long for benchmark in BENCHMARKS if benchmark.is_chosen(name)
    } == long


_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'eventstore.event'::regclass ORDER BY conname
"""
