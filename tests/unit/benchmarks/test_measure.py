from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.catalogue import BENCHMARKS, COUNTS
from benchmarks.measure import QUICK, Benchmark, Effort, Result, Run, Sides, measure
from benchmarks.report import Report, line
from benchmarks.server import Server

NO_SERVER = Server("postgresql+asyncpg://nobody@localhost/none")


def figures(calls: list[str], side: str, values: Iterator[float]) -> Run:
    async def run() -> float:
        calls.append(side)
        return next(values)

    return run


def benchmark(calls: list[str], *, target: float | None, less_is_better: bool = False) -> Benchmark:
    @asynccontextmanager
    async def sides(_server: Server, _effort: Effort) -> AsyncIterator[Sides]:
        ours = figures(calls, "ours", iter([1.0, 50.0, 60.0, 70.0]))
        peer = figures(calls, "peer", iter([9.0, 100.0, 100.0, 100.0]))
        yield Sides("a peer", ours, peer)

    return Benchmark("area.what.vs_peer", "events/s", target, sides, less_is_better)


async def measured(target: float | None, *, less_is_better: bool = False) -> Result:
    it = benchmark([], target=target, less_is_better=less_is_better)
    return await measure(it, NO_SERVER, QUICK, lambda: None)


async def test_ours_and_the_peer_alternate_and_the_first_pair_does_not_count() -> None:
    calls: list[str] = []

    result = await measure(benchmark(calls, target=0.6), NO_SERVER, QUICK, lambda: None)

    assert calls == ["ours", "peer"] * 4
    assert (result.ours, result.peer) == ((50, 60, 70), (100, 100, 100))


async def test_a_benchmark_of_long_runs_has_fewer_pairs_and_no_first_one() -> None:
    calls: list[str] = []
    long = replace(benchmark(calls, target=0.6), max_pairs=2)

    result = await measure(long, NO_SERVER, QUICK, lambda: None)

    assert calls == ["ours", "peer"] * long.runs(QUICK) == ["ours", "peer"] * 2
    assert (result.ours, result.peer) == ((1, 50), (9, 100))


async def test_the_ratio_is_the_median_of_the_pairs() -> None:
    assert (await measured(0.6)).ratios == (0.5, 0.6, 0.7)
    assert (await measured(0.6)).ratio == 0.6


@pytest.mark.parametrize(
    ("target", "less_is_better", "met"),
    [(0.6, False, True), (0.61, False, False), (0.6, True, True), (0.59, True, False)],
)
async def test_a_target_is_reached_or_not_exceeded(
    target: float, less_is_better: bool, met: bool
) -> None:
    assert (await measured(target, less_is_better=less_is_better)).met is met


async def test_a_ratio_without_a_target_is_neither_met_nor_missed() -> None:
    result = await measured(None)
    report = Report({}, {}, True, [result], [])

    (reported,) = report.as_json()["results"]
    assert (reported["ratio"], reported["target"], reported["met"]) == (0.6, None, None)
    assert line(result) == "area.what.vs_peer: 0.60 (no target, reported)"


def test_the_targets_of_appends_are_those_agreed_on() -> None:
    targets = {b.id: b.target for b in BENCHMARKS if b.id.startswith("eventstore.")}

    against_insert = {n: targets[f"eventstore.append.{n}.vs_insert"] for n in ("1w", "8w", "32w")}
    assert against_insert == {"1w": 0.8, "8w": 0.7, "32w": 0.65}
    assert targets["eventstore.batch100.vs_insert"] == 0.8
    assert {t for i, t in targets.items() if i.endswith(".vs_eventsourcing")} == {None}


async def test_the_report_contains_the_whole_result() -> None:
    report = Report({"cores": 2}, {"python": "3.11"}, True, [await measured(0.8)], [])

    assert report.as_json() == {
        "machine": {"cores": 2},
        "versions": {"python": "3.11"},
        "quick": True,
        "results": [
            {
                "id": "area.what.vs_peer",
                "unit": "events/s",
                "ours": [50, 60, 70],
                "peer_name": "a peer",
                "peer": [100, 100, 100],
                "ratio": 0.6,
                "spread": [0.5, 0.7],
                "target": 0.8,
                "met": False,
            }
        ],
        "counted": [],
    }


def test_every_id_is_there_once() -> None:
    ids = [b.id for b in BENCHMARKS] + [c.id for c in COUNTS]

    assert len(set(ids)) == len(ids)


async def test_a_run_of_some_keeps_the_results_of_the_others(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    others = {"results": [{"id": "other"}, {"id": "gone"}], "counted": [{"id": "a.count"}]}
    file.write_text(json.dumps(others))
    report = Report({}, {}, True, [await measured(0.6)], [])

    report.write(file, known={"other", "a.count", "area.what.vs_peer"})
    report.write(file, known={"other", "a.count", "area.what.vs_peer"})

    written = json.loads(file.read_text())
    assert [result["id"] for result in written["results"]] == ["other", "area.what.vs_peer"]
    assert written["counted"] == [{"id": "a.count"}]
    assert datetime.fromisoformat(written["results"][1]["measured_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("prefix", "chosen"),
    [
        ("saga", {"saga"}),
        ("", {"saga", "eventstore", "projection", "stock"}),
        ("order.", {"saga"}),
        ("append.wal", {"eventstore"}),
        ("saga.orders", set()),
    ],
)
def test_an_area_is_chosen_with_its_counted_figures(prefix: str, chosen: set[str]) -> None:
    assert {count.area for count in COUNTS if count.is_chosen(prefix)} == chosen


@pytest.mark.parametrize("prefix", ["", "saga", "saga.orders", "saga.c"])
def test_restate_is_not_chosen_with_others(prefix: str) -> None:
    assert not [b.id for b in BENCHMARKS if b.is_chosen(prefix) and "restate" in b.id]


@pytest.mark.parametrize(
    ("prefix", "chosen"),
    [
        ("saga.cpu", ["saga.cpu.vs_dbos", "saga.cpu.vs_restate"]),
        ("saga.cpu.vs_restate", ["saga.cpu.vs_restate"]),
        ("saga.orders.vs_restate", ["saga.orders.vs_restate"]),
    ],
)
def test_restate_is_chosen_by_its_name(prefix: str, chosen: list[str]) -> None:
    assert [b.id for b in BENCHMARKS if b.is_chosen(prefix)] == chosen
