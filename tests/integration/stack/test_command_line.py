from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from stack.data_dir import locked
from stack.ports import LOOPBACK, Ports
from stack.processes import ROOT


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")},
        **Ports.free().as_environment(),
        "WAYBILL_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }


async def refusal(environment: dict[str, str], *arguments: str) -> str:
    """Return the one line of a command that refuses and exits with 1."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", *arguments),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    line, *more = said.decode().splitlines()
    assert not more
    return line


async def test_a_token_before_the_first_start_prints_how_to_start(
    environment: dict[str, str],
) -> None:
    said = await refusal(environment, "token", "--role", "customer")
    assert said.startswith("waybill: WAYBILL_JWT_SECRET is not set")
    assert "make run" in said


async def test_a_taken_port_stops_the_start_before_anything_is_made(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        said = await refusal(environment | {"WAYBILL_TEMPORAL_PORT": str(port)}, "run")
    assert said.startswith(f"waybill: port {port} is taken by ")
    assert said.endswith("set WAYBILL_TEMPORAL_PORT to a free port")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lock"]


async def test_a_second_start_on_a_folder_in_use_is_refused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with locked(tmp_path / "data"):
        said = await refusal(environment, "demo")
    assert said.startswith("waybill: a stack is already running on ")
    assert f"(process {os.getpid()})" in said
