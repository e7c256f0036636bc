"""Each process refuses wrong settings that it uses, and no others."""

from __future__ import annotations

import base64
import os
import socket
from pathlib import Path
from typing import Final

import pytest

from settings import STACK_ENV_FILE
from stack.environment import system_environment
from stack.ports import LOOPBACK, Ports
from tests.e2e.processes import forked, started
from tests.support.simulators import free_port

END_SECONDS: Final = 60
COMMANDS: Final = {
    "api": ("-m", "api"),
    "worker": ("worker.py",),
    "payment simulator": ("-m", "providers.payment_simulator"),
    "carrier simulator": ("-m", "providers.carrier_simulator"),
    "mail sink": ("-m", "stack.mail_sink"),
}
PRODUCTION: Final = {"WAYBILL_ENVIRONMENT": "production"}
ONE_KEY: Final = base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a system without servers, in a folder without stack.env."""
    (stack := tmp_path / "stack").mkdir()
    made = system_environment(stack, Ports.free())
    return {**made, "WAYBILL_DATA_DIR": str(tmp_path)}


async def refusal(process: str, environment: dict[str, str], folder: Path) -> str:
    """Return the one line with which the process ends in time, with exit code 1."""
    async with forked(folder / "log", environment, *COMMANDS[process]) as running:
        assert await running.ends(END_SECONDS) == 1
    (line,) = running.log.splitlines()
    return line


@pytest.mark.parametrize(
    ("process", "changes", "says"),
    [
        ("api", {"WAYBILL_JWT_SECRET": " " * 32}, "WAYBILL_JWT_SECRET must be "),
        (
            "api",
            {"WAYBILL_CARRIER_WEBHOOK_SECRET": "not Base64 " * 4},
            "WAYBILL_CARRIER_WEBHOOK_SECRET must be ",
        ),
        ("api", {"WAYBILL_JWT_SECRET": ONE_KEY, "WAYBILL_PAYLOAD_KEY": ONE_KEY}, "hold the same "),
        ("api", {"WAYBILL_MASTER_KEY": "A" * 43 + "="}, "WAYBILL_MASTER_KEY holds no key"),
        ("api", {"WAYBILL_SEARCH_KEY": "A" * 43 + "="}, "WAYBILL_SEARCH_KEY holds no key"),
        ("api", PRODUCTION, "WAYBILL_CARRIER_URL must begin with https://"),
        ("worker", {"WAYBILL_MASTER_KEY": "A" * 43 + "="}, "WAYBILL_MASTER_KEY holds no key"),
        ("worker", {"WAYBILL_PAYLOAD_KEY": "A" * 43 + "="}, "WAYBILL_PAYLOAD_KEY holds no key"),
        (
            "worker",
            {"WAYBILL_MASTER_KEY": ONE_KEY, "WAYBILL_PAYLOAD_KEY": ONE_KEY},
            "WAYBILL_MASTER_KEY and WAYBILL_PAYLOAD_KEY hold the same ",
        ),
        ("worker", PRODUCTION, "WAYBILL_PAYMENT_URL must begin with https://"),
        ("worker", {"WAYBILL_PAYMENT_WINDOW": "-PT1S"}, "WAYBILL_PAYMENT_WINDOW: Input should be "),
        ("payment simulator", PRODUCTION, "WAYBILL_ENVIRONMENT is production, where no simulator "),
        ("carrier simulator", PRODUCTION, "WAYBILL_ENVIRONMENT is production, where no simulator "),
    ],
)
async def test_a_process_refuses_a_wrong_setting_that_it_uses_in_one_line(
    process: str, changes: dict[str, str], says: str, environment: dict[str, str], tmp_path: Path
) -> None:
    line = await refusal(process, {**environment, **changes}, tmp_path)
    assert says in line
    assert not any(value in line for value in changes.values() if value != "production")


@pytest.mark.parametrize(
    ("process", "setting"),
    [
        ("api", "--port"),
        ("api", "WAYBILL_MONITORING_PORT"),
        ("payment simulator", "WAYBILL_PAYMENT_SIMULATOR_PORT"),
        ("carrier simulator", "WAYBILL_CARRIER_SIMULATOR_PORT"),
        ("mail sink", "WAYBILL_SMTP_PORT"),
        ("mail sink", "WAYBILL_MAIL_SINK_PORT"),
    ],
)
async def test_a_port_that_is_taken_is_refused_by_its_setting(
    process: str, setting: str, environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        options = (setting, port) if setting == "--port" else ("--port", str(free_port()))
        async with forked(
            tmp_path / "log",
            {**environment, setting: port},
            *COMMANDS[process],
            *(options if process == "api" else ()),
        ) as running:
            assert await running.ends(END_SECONDS) == 1

    (line,) = running.log.splitlines()
    assert f": {setting} cannot be listened on: Address already in use" in line


@pytest.mark.parametrize("process", ["payment simulator", "carrier simulator"])
async def test_a_folder_that_a_simulator_cannot_use_is_named_with_its_setting(
    process: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (file := tmp_path / "file").write_text("")
    line = await refusal(process, {**environment, "WAYBILL_DATA_DIR": str(file)}, tmp_path)
    database = file / f"{process.replace(' ', '-')}.sqlite3"
    assert line.endswith(f": cannot use {database}: File exists; see WAYBILL_DATA_DIR")


@pytest.mark.parametrize("process", COMMANDS)
async def test_a_stack_env_of_development_is_refused_in_production(
    process: str, environment: dict[str, str], tmp_path: Path
) -> None:
    picked_up = {**environment, **PRODUCTION, "WAYBILL_DATA_DIR": str(tmp_path / "stack")}
    line = await refusal(process, picked_up, tmp_path)
    assert f"WAYBILL_ENVIRONMENT is production, and {tmp_path / 'stack' / STACK_ENV_FILE}" in line


async def test_a_worker_runs_with_a_weak_secret_of_the_api_and_names_a_mistyped_variable(
    environment: dict[str, str], tmp_path: Path
) -> None:
    changes = {
        "WAYBILL_JWT_SECRET": " " * 32,
        "WAYBILL_CARRIER_WEBHOOK_SECRET": "",
        "WAYBILL_PARKED_RETRIES": "PT1M",
    }
    async with started(tmp_path / "log", {**environment, **changes}, "worker.py") as worker:
        await worker.writes("role relay: .*; trying again in")
        assert worker.runs
    assert (
        "WAYBILL_PARKED_RETRIES is not a setting and has no effect: "
        "did you mean WAYBILL_PARKED_RETRY?" in worker.log
    )


@pytest.mark.parametrize("command", ["run", "demo"])
async def test_the_embedded_stack_is_refused_in_production(
    command: str, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with forked(log, {**environment, **PRODUCTION}, "-m", "stack", command) as stack:
        assert await stack.ends(END_SECONDS) == 1
    assert stack.log == (
        "waybill: WAYBILL_ENVIRONMENT is production, and the embedded stack is for development: "
        "unset it, or use docker-compose.yml\n"
    )
