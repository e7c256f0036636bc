"""docs/SCALING.md says what is recorded, and its arithmetic is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.cost.count import SHOWN
from benchmarks.cost.figures import excess, read
from benchmarks.saga.costs import Cost
from benchmarks.saga.outcomes import OUTCOMES
from tools import scaling
from tools.sizing import CpuOfOrder, shards, table

COMPLETED = read()["completed"]


def test_the_page_is_up_to_date() -> None:
    assert scaling.main(["--check"]) == 0


def test_the_recorded_costs_are_those_that_each_outcome_must_have() -> None:
    most = {outcome.name: outcome.most for outcome in OUTCOMES if outcome.name in SHOWN}

    assert {
        name: Cost(history_events=cost.history_events, actions=cost.actions)
        for name, cost in read().items()
    } == most


def test_one_statement_more_is_an_excess_and_a_slightly_larger_row_is_not() -> None:
    more = replace(COMPLETED, statements=COMPLETED.statements + 1)
    larger = replace(COMPLETED, log_bytes=round(COMPLETED.log_bytes * 1.14))
    too_large = replace(COMPLETED, log_bytes=COMPLETED.log_bytes * 2)

    assert excess(more, COMPLETED) == [
        f"statements: {COMPLETED.statements + 1} instead of {COMPLETED.statements}"
    ]
    assert excess(larger, COMPLETED) == []
    assert excess(replace(COMPLETED, log_bytes=1), COMPLETED) == []
    assert len(excess(too_large, COMPLETED)) == 1


def test_the_sizes_are_the_rate_times_the_cost_of_an_order() -> None:
    cost = replace(
        COMPLETED,
        actions=14,
        history_events=47,
        statements=73,
        wal_bytes=20_000,
        bus_messages=16,
        log_rows=16,
        log_bytes=8_000,
    )
    cpu = CpuOfOrder({"API": 0.030, "worker": 0.060, "Temporal": 0.045})

    row = table(cost, cpu).splitlines()[3]

    # 100 orders/s: the API uses 3 processors, of which 5 are planned, and one more for a restart.
    assert row == (
        "| 100 | 1,400 | 4,700 | 7,300 | 2.0 MB/s | 1,600 | 6 | 11 | 370 | 8 | 512 | 1 | 97 GB |"
    )


@pytest.mark.parametrize(
    ("history_events", "count"), [(1, 512), (25_600, 512), (25_601, 1_024), (470_000, 16_384)]
)
def test_the_shards_are_a_power_of_two_for_50_events_a_second_each(
    history_events: int, count: int
) -> None:
    assert shards(history_events) == count
