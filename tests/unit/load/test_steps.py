"""Find the knee, and report it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.load.picture import picture
from tests.load.plan import Plan, rising
from tests.load.report import Measured, Report, markdown
from tests.load.steps import CONFIRMED, PLACED, Figures, Step, knee, quantile
from tests.load.times import Times
from tests.load.usage import Usage, depths_of, part_of


def step(rate: float, p99: float, failed: int = 0, confirmed: float = 900.0) -> Step:
    requests = {
        PLACED: Figures(int(rate * 10), failed, p99 / 4, p99),
        CONFIRMED: Figures(int(rate * 10), 0, confirmed / 2, confirmed),
    }
    return Step(rate, 10.0, requests, ["PlaceOrder: UNAVAILABLE"] * bool(failed), late_ms=3.0)


def report(*steps: Step, cpu: dict[str, float] | None = None) -> Report:
    usage = Usage(cpu or {"API": 0.4, "worker-1": 0.3}, {"queue: relay": 7.0}, machine=0.5)
    return Report({"cores": 2}, 2, [Measured(one, usage) for one in steps], measured_at="now")


def test_the_knee_is_the_last_step_before_the_first_one_that_breaks() -> None:
    assert knee([step(4, 80), step(8, 200), step(16, 1_500), step(32, 90)]) == 1
    assert knee([step(4, 1_001)]) is None
    assert knee([step(4, 80), step(8, 1_000)]) == 1


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (step(8, 1_200), "the p99 of PlaceOrder is 1,200 ms, above 1,000 ms"),
        (step(8, 80, confirmed=6_000), "the p99 of until CONFIRMED is 6,000 ms, above 5,000 ms"),
        (step(8, 80, failed=2), "2 requests have failed"),
        (step(10, 80, failed=2), None),
    ],
)
def test_a_step_breaks_by_a_slow_p99_or_by_more_than_a_hundredth_of_failures(
    broken: Step, why: str | None
) -> None:
    assert broken.breaks() == why


def test_orders_that_failed_are_not_placed() -> None:
    assert step(8, 80, failed=20).orders_per_second == 6


def test_failures_below_the_knee_are_faults_and_those_of_the_broken_step_are_not() -> None:
    assert report(step(4, 80), step(8, 1_500, failed=9)).faults() == []
    assert report(step(10, 80, failed=1), step(20, 1_500)).faults() == [
        "at 10 orders/s 1 requests failed: PlaceOrder: UNAVAILABLE"
    ]
    assert report(step(4, 1_500)).faults() == ["no step has held its bounds"]


def test_a_load_without_bounds_fails_for_failed_requests_alone() -> None:
    unbounded = replace(report(step(4, 1_500)), has_bounds=False)
    failing = replace(report(step(4, 1_500, failed=1)), has_bounds=False)

    assert unbounded.faults() == []
    assert failing.faults() == ["at 4 orders/s 1 requests failed: PlaceOrder: UNAVAILABLE"]


def test_the_report_names_the_process_of_python_that_uses_a_whole_processor() -> None:
    found = report(step(4, 80), step(8, 1_500), cpu={"API": 0.95, "Temporal": 0.97})

    assert found.verdict() == [
        "The knee is at 4.0 orders/s: there the p99 of placeOrder is 80 ms.",
        "At 8 orders/s the p99 of PlaceOrder is 1,500 ms, above 1,000 ms.",
        "Saturated: API: a process of Python uses one processor at most.",
    ]


def test_the_report_names_the_machine_and_its_greatest_users() -> None:
    cpu = {"API": 0.5, "Temporal": 0.7, "PostgreSQL": 0.3, "worker-1": 0.4}

    assert Usage(cpu, {}, machine=0.95).saturated(2) == (
        "the 2 processors of the machine, of which use Temporal 0.70, API 0.50, worker-1 0.40"
    )
    assert Usage(cpu, {}, machine=0.5).saturated(4).startswith("none of the processors")


def test_the_report_names_other_programs_that_keep_the_machine_busy() -> None:
    assert Usage({"API": 0.4}, {}, machine=0.95).saturated(2) == (
        "the machine, of which other programs use 1.50 processors"
    )


def test_a_late_load_blames_itself() -> None:
    late = replace(step(8, 1_500), late_ms=101.0)
    found = report(step(4, 80), late)

    assert found.saturated(found.steps[1]) == "the load itself, which began customers too late"


def test_a_report_survives_its_json() -> None:
    found = report(step(4, 80), step(8, 1_500))

    assert Report.from_json(found.as_json()) == found
    assert "| 8 | 8.0 | 375 ms | 1,500 ms | 450 ms | 900 ms | 0 | 0.70 |" in markdown(found)


def test_the_picture_has_a_curve_for_each_quantile_and_marks_the_knee() -> None:
    drawn = picture(report(step(4, 80), step(8, 200), step(16, 1_500)))

    assert drawn.count("<polyline") == 4
    assert drawn.count("<circle") == 12
    assert ">knee</text>" in drawn
    assert ">knee</text>" not in picture(report(step(4, 1_500)))


def test_the_rates_rise_by_the_same_factor() -> None:
    assert rising(4, 4) == [4, 5.4, 7.3, 9.8]


def test_a_plan_survives_its_json() -> None:
    plan = Plan("http://shop", ["token"], ["sku"], [1.0], 5.0)

    assert Plan.from_json(plan.as_json()) == plan


def test_what_waits_for_longer_than_its_bound_counts_with_its_age(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 1.0, 1.2, 2.1])
    monkeypatch.setattr("tests.load.times.perf_counter", lambda: next(clock))
    times = Times(2.0)
    times.record(PLACED, 40.0)
    times.record("Orders", 9.0, "UNAVAILABLE")

    with times.waiting(PLACED), times.waiting(PLACED):
        summary = times.summary()

    assert summary.requests[PLACED] == Figures(2, 0, 40.0, (2.1 - 1.0) * 1_000)
    assert summary.requests["Orders"] == Figures(1, 1, 9.0, 9.0)
    assert summary.errors == ["Orders: UNAVAILABLE"]
    assert summary.seconds == 2.1


def test_the_quantile_of_no_times_is_0() -> None:
    assert quantile([], 0.99) == 0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2


def test_depths_are_read_from_the_page_of_metrics() -> None:
    page = (
        'waybill_queue_depth{queue="relay"} 12.0\n'
        'waybill_queue_depth{queue="temporal activity"} 3.0\n'
        'waybill_projection_lag_events{projection="analytics"} 4.0\n'
        "waybill_parked_sagas 1.0\n"
    )

    assert depths_of(page) == {
        "queue: relay": 12,
        "queue: temporal activity": 3,
        "lag: analytics": 4,
    }


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("python -m api --host 127.0.0.1", "API"),
        ("python worker.py", "worker"),
        ("python -m providers.carrier_simulator", "simulators"),
        ("temporal server start-dev --log-level warn", "Temporal"),
        ("postgres: waybill waybill 127.0.0.1(1) idle", "PostgreSQL"),
        ("python -m locust --headless", "load"),
        ("python -m stack", None),
    ],
)
def test_a_process_is_known_by_its_command(command: str, part: str | None) -> None:
    assert part_of(command) == part
