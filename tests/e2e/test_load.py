"""Run `make load` in its short form against a running service."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from stack.system import System
from tests.e2e.processes import started
from tests.e2e.test_commands import command
from tests.load.report import Report
from tests.load.steps import PLACED

OPERATIONS = {"Products", "Product", PLACED}
"""Each customer begins with these. On a busy machine a step may end before the others."""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_short_load_of_a_shop_ends_without_a_failed_request(
    system: System, tmp_path: Path
) -> None:
    code, printed = await command(
        system.environment,
        "tests.load",
        *("--url", system.url, "--seconds", "20", "--steps", "2", "--rate", "2", "--unbounded"),
        *("--out", str(tmp_path)),
        seconds=200,
    )

    assert code == 0, printed
    report = Report.from_json(json.loads((tmp_path / "load.json").read_text()))
    assert [measured.step.rate for measured in report.steps] == [2, 2.7]
    assert [measured.step.failed for measured in report.steps] == [0, 0]
    assert all(set(measured.step.requests) >= OPERATIONS for measured in report.steps)
    assert report.saturated(report.steps[0]) in {
        "not measured, since this command has not started the service",
        "the load itself, which began customers too late",
    }
    assert (tmp_path / "load.svg").read_text().count("<polyline") == 4


async def test_an_interrupted_load_stops_with_one_line(system: System, tmp_path: Path) -> None:
    arguments = ("-m", "tests.load", "--url", system.url, "--rate", "1", "--out", str(tmp_path))
    async with started(tmp_path / "log", system.environment, *arguments) as load:
        await load.writes("until a bound breaks")
        code, _ = await load.stops(signal.SIGINT)

    assert code == 130, load.log
    assert load.log.splitlines()[-1] == "Stopped."
    assert "Traceback" not in load.log
    assert not (tmp_path / "load.json").exists()


async def test_a_load_of_a_service_that_is_away_ends_with_one_line(system: System) -> None:
    code, printed = await command(
        system.environment, "tests.load", "--url", "http://127.0.0.1:1", "--seconds", "2"
    )

    assert code == 1
    assert [line.partition(":")[0] for line in printed] == ["load"]
