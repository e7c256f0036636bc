"""`python -m stack`, which `make run` and `make demo` call, starts and ends as it should."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from stack.ports import Ports
from tests.e2e.processes import Process, started

END_SECONDS = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    data_dir = {"WAYBILL_DATA_DIR": str(tmp_path / "data")}
    return outside | data_dir | Ports.free().as_environment()


@pytest.fixture
async def running(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Process]:
    async with started(tmp_path / "log", environment, "-m", "stack", "run") as process:
        yield process


def children_on(data_dir: Path) -> list[str]:
    """Return the command lines of the processes that use this data folder."""
    commands = (process.info["cmdline"] or () for process in psutil.process_iter(["cmdline"]))
    return [" ".join(command) for command in commands if any(str(data_dir) in c for c in command)]


async def test_run_shows_where_everything_is_and_stops_it_all_when_interrupted(
    running: Process, environment: dict[str, str], tmp_path: Path
) -> None:
    await running.writes("Ctrl-C stops everything; the data stays")

    code, _ = await running.stops(signal.SIGINT)

    assert code == 0
    assert f"http://127.0.0.1:{environment['WAYBILL_HTTP_PORT']}/graphql\n" in running.log
    assert f"http://127.0.0.1:{environment['WAYBILL_TEMPORAL_UI_PORT']}\n" in running.log
    assert running.log.splitlines()[-2:] == ["Stopping ...", "Stopped."]
    assert children_on(tmp_path / "data") == []


async def test_run_ends_with_the_process_that_started_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stack = f"{shlex.quote(sys.executable)} -m stack run --end-with-parent; exit"
    run = f"import subprocess; subprocess.run({stack!r}, shell=True)"
    async with started(tmp_path / "log", environment, "-c", run) as parent:
        await parent.writes("Starting Waybill")
        shell, *_ = psutil.Process(parent.process.pid).children()
        (child,) = shell.children()
        shell.kill()
        assert psutil.wait_procs([child], END_SECONDS)[1] == []
        assert parent.log.splitlines()[-1] == "Stopped."
    assert children_on(tmp_path / "data") == []


async def test_an_interrupted_demonstration_stops_the_stack_and_fails(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with started(tmp_path / "log", environment, "-m", "stack", "demo") as process:
        await process.writes("Starting Waybill")
        code, _ = await process.stops(signal.SIGINT)
    assert code == 130
    assert process.log.splitlines()[-1] == "Stopped."
    assert children_on(tmp_path / "data") == []
