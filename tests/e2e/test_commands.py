"""The commands that end exit with 0 only when they did what was asked."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from uuid import uuid4

import pytest

from stack.ports import Ports
from stack.processes import ROOT
from stack.system import System

RUNS = 6
UNUSED = Ports.free()
AWAY = {
    "WAYBILL_TEMPORAL_ADDRESS": f"127.0.0.1:{UNUSED.temporal_port}",
    "WAYBILL_DATABASE_URL": f"postgresql+asyncpg://u:p@127.0.0.1:{UNUSED.postgres_port}/d",
    "WAYBILL_HTTP_PORT": str(UNUSED.http_port),
}


async def command(environment: Mapping[str, str], *arguments: str) -> tuple[int | None, list[str]]:
    """Run the command; return its exit code and the lines it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        cwd=ROOT,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode().splitlines()


async def test_promoting_ends_with_0_however_often_it_is_run(system: System) -> None:
    build = system.environment["WAYBILL_WORKER_BUILD_ID"]
    ended = await asyncio.gather(
        *(command(system.environment, "temporal.promote") for _ in range(RUNS))
    )
    assert ended == [(0, [f"Build {build} is the current one."])] * RUNS


async def test_recovering_ends_with_0_however_often_it_is_run(system: System) -> None:
    ended = await asyncio.gather(
        *(command(system.environment, "orchestrator.recover") for _ in range(RUNS))
    )
    assert [(code, lines[0]) for code, lines in ended] == [(0, "0 sagas recovered.")] * RUNS


@pytest.mark.parametrize(
    "arguments",
    [
        ["temporal.promote", "build-1"],
        ["orchestrator.recover"],
        ["demo.catalogue"],
        ["demo.watch", str(uuid4())],
        ["eventstore.privacy", "rotate"],
        ["demo"],
    ],
    ids=lambda arguments: " ".join(arguments[:1]),
)
async def test_a_command_whose_server_is_away_prints_one_line_and_exits_with_1(
    system: System, arguments: list[str]
) -> None:
    code, lines = await command(system.environment | AWAY, *arguments)
    assert code == 1
    assert len(lines) == 1, lines


async def test_watching_an_unknown_order_is_an_error(system: System) -> None:
    code, lines = await command(system.environment, "demo.watch", str(uuid4()))
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("watch: ")
