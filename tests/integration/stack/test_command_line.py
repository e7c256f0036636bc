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
from stored_format import STORED_FORMAT
from tests.support.forks import ran


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
    ended = await ran("-m", "stack", *arguments, environment=environment)
    assert ended.code == 1
    line, *more = ended.err.splitlines()
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


@pytest.mark.parametrize(("written", "held"), [("1", "1"), ("", "none"), (None, "none")])
async def test_data_of_another_stored_format_is_refused_and_stays(
    environment: dict[str, str], tmp_path: Path, written: str | None, held: str
) -> None:
    data = tmp_path / "data"
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("18")
    if written is not None:
        (data / "stored_format").write_text(written)

    said = await refusal(environment, "run")

    assert said == (
        f"waybill: the data folder {data} holds stored format {held}, and this code reads "
        f"{STORED_FORMAT}: clear it with `make clean-data`, or set WAYBILL_DATA_DIR to another "
        "folder"
    )
    assert (data / "postgres" / "PG_VERSION").exists()


async def test_clean_data_is_refused_while_a_stack_runs(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with locked(tmp_path / "data"):
        (tmp_path / "data" / "stack.env").touch()
        said = await refusal(environment, "clean-data", "--yes")
    assert said.startswith("waybill: a stack is already running on ")
    assert (tmp_path / "data" / "stack.env").exists()


async def test_clean_data_removes_nothing_when_nobody_answers(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "stack.env").touch()
    said = await refusal(environment, "clean-data")
    assert said == "waybill: nothing was removed; YES=1 clears the data without asking"
    assert (tmp_path / "data" / "stack.env").exists()


async def test_a_role_that_does_not_exist_is_one_line(environment: dict[str, str]) -> None:
    said = await refusal(environment, "token", "--role", "bogus")
    assert said == "waybill: 'bogus' is not a role: customer, operator or admin"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ROLE=bogus"], "waybill: 'bogus' is not a role: customer, operator or admin"),
        (["SUB=O'Brien"], "waybill: WAYBILL_JWT_SECRET is not set"),
        (["SUB=$(touch broken)"], "waybill: WAYBILL_JWT_SECRET is not set"),
    ],
)
async def test_make_passes_what_the_shell_would_take_apart(
    environment: dict[str, str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    make = ["make", "-s", "-o", "installed", f"BIN={Path(sys.executable).parent}", "INSTALLED="]
    process = await asyncio.create_subprocess_exec(
        *(*make, "-f", str(ROOT / "Makefile"), "token", *arguments),
        cwd=tmp_path,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaints = await process.communicate()
    assert complaints.decode().startswith(said)
    assert not (tmp_path / "broken").exists()
