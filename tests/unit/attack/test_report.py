"""Each forbidden finding of an attack makes its report fail, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attack.report import Honest, Report, Side

ROUTES = ["/graphql", "websocket /graphql"]


def an_honest_client() -> Honest:
    honest = Honest("honest client")
    honest.asked("Orders", 200, 1.0)
    return honest


def a_fuzzer(cases: int, *, status: int = 200, name: str = "requests") -> Side:
    side = Side(name)
    for route in ROUTES:
        for _ in range(cases):
            side.answered(status, 3.0, route)
    return side


def a_report(honest: Honest | None = None, *attackers: Side, seconds: float = 3.0) -> Report:
    return Report(
        seconds=seconds,
        routes=ROUTES,
        honest=honest or an_honest_client(),
        attackers=attackers or [a_fuzzer(100)],
        memory_before=100_000_000,
        memory_after=150_000_000,
    )


def test_a_run_within_every_bound_has_no_fault() -> None:
    assert a_report().faults() == []


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 599])
def test_an_answer_that_refuses_the_honest_client_is_a_fault(status: int) -> None:
    honest = an_honest_client()
    honest.asked("Orders", status, 0.1)

    assert a_report(honest).faults() == [f"honest client: {status} for Orders"]


def test_an_answer_to_the_honest_client_after_more_than_a_second_is_a_fault() -> None:
    honest = an_honest_client()
    honest.asked("PlaceOrder", 200, 1.01)

    assert a_report(honest).faults() == ["honest client: 1.01 s for PlaceOrder"]


def test_a_run_without_an_honest_answer_is_a_fault() -> None:
    honest = Honest("honest client")

    assert a_report(honest).faults() == ["the honest client was never answered"]


def test_a_slow_or_refused_attacker_is_no_fault() -> None:
    attacker = a_fuzzer(100)
    attacker.answered(429, 15.0, "/graphql")
    attacker.answered(0, 15.0, "/graphql")

    assert a_report(None, attacker).faults() == []


def test_a_fault_that_an_attacker_recorded_is_a_fault_of_the_run() -> None:
    attacker = a_fuzzer(100)
    attacker.faults.append("500 for POST /graphql")

    assert a_report(None, attacker).faults() == ["requests: 500 for POST /graphql"]


def test_growth_of_more_than_50_mb_is_a_fault() -> None:
    grown = replace(a_report(), memory_after=150_000_001)

    assert grown.faults() == ["the API grew by 50 MB"]


@pytest.mark.parametrize(
    ("seconds", "demanded"), [(300.0, 10_000), (600.0, 10_000), (150.0, 5_000), (3.0, 100)]
)
def test_a_full_run_makes_10_000_cases_of_each_route_and_a_shorter_one_fewer(
    seconds: float, demanded: int
) -> None:
    enough = a_report(None, a_fuzzer(demanded), seconds=seconds)
    too_few = a_report(None, a_fuzzer(demanded - 1), seconds=seconds)

    assert enough.faults() == []
    assert too_few.faults() == [
        f"{demanded - 1} cases of {route}, where {demanded} are demanded" for route in ROUTES
    ]


def test_the_cases_of_all_fuzzers_count_and_floods_do_not() -> None:
    flood = Side("flood")
    for _ in range(1_000):
        flood.answered(200, 0.1)

    both = a_report(None, a_fuzzer(60), a_fuzzer(40, name="frames"), flood)

    assert both.faults() == []
    assert dict(both.cases("/graphql")) == {"requests": 60, "frames": 40, "flood": 0}
    assert len(a_report(None, a_fuzzer(60), flood).faults()) == 2


@pytest.mark.parametrize("status", [0, 429])
def test_a_case_that_the_route_has_not_answered_does_not_count(status: int) -> None:
    report = a_report(None, a_fuzzer(100, status=status))

    assert report.cases("/graphql").total() == 0


def test_the_report_shows_cases_memory_slowest_answers_and_faults() -> None:
    lines = a_report(None, a_fuzzer(99), a_fuzzer(1, name="frames")).text().splitlines()

    assert lines == [
        "honest client        1 answers  slowest  1.000 s  200:1",
        "requests           198 answers  slowest  3.000 s  200:198",
        "frames               2 answers  slowest  3.000 s  200:2",
        "/graphql                 100 cases: requests 99, frames 1",
        "websocket /graphql       100 cases: requests 99, frames 1",
        "memory of the API: 100 MB before, 150 MB after",
        "slowest answer: 1.000 s honest, 3.000 s of all",
        "faults: 0",
    ]
