"""The API and the simulators start as processes, report errors, and stop in time."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from kit.local_http import local_client
from stack.ports import LOOPBACK, Ports
from stack.programs import api_command
from stack.system import System
from stack.tokens import Role
from tests.e2e.line import Line
from tests.e2e.orders import an_order
from tests.e2e.processes import NATS, TEMPORAL, Process, at, started
from tests.e2e.test_worker_process import END_SECONDS, STOP_SECONDS, worker
from tests.support.api_client import Json, operation

API_DATABASE = "WAYBILL_API_DATABASE_URL"
MAX_LOG_CHARACTERS = 4_000
ANSWER_SECONDS = 10
TIMEOUT_SECONDS = 60


@asynccontextmanager
async def api(
    system: System, log: Path, **changes: str
) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """Start an API process beside that of the system; yield it when it is live."""
    port = Ports.free().http_port
    environment = {**system.environment, **changes}
    token = system.token(Role.CUSTOMER, "customer-of-the-test")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        started(log, environment, *api_command(port)) as process,
        local_client(
            base_url=f"http://{LOOPBACK}:{port}", headers=headers, timeout=ANSWER_SECONDS
        ) as http,
    ):
        await process.writes("Uvicorn running on")
        yield process, http


async def becomes(http: httpx.AsyncClient, status: str) -> Json:
    """Wait until readiness has this status; return its answer."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            answer: Json = (await http.get("/readyz")).json()
            if answer["status"] == status:
                return answer
            await asyncio.sleep(0.2)


def failing(answer: Json) -> set[str]:
    return {name for name, check in answer["checks"].items() if check["status"] == "failing"}


async def test_the_api_starts_without_any_server_and_is_not_ready(
    system: System, tmp_path: Path
) -> None:
    unused = Ports.free()
    changes = {
        API_DATABASE: at(system.environment[API_DATABASE], unused.postgres_port),
        TEMPORAL: at(system.environment[TEMPORAL], unused.temporal_port),
        NATS: at(system.environment[NATS], unused.nats_port),
    }
    async with api(system, tmp_path / "log", **changes) as (process, http):
        assert (await http.get("/healthz")).status_code == 200
        response = await http.get("/readyz")
        assert response.status_code == 503
        assert failing(response.json()) == {
            *("database", "temporal", "workers", "bus", "reconciliation", "checkpoints"),
            "dead_letters",
        }
        assert "waybill_ready 0.0" in (await http.get("/metrics")).text.splitlines()
        code, seconds = await process.stops(signal.SIGTERM)

    assert code in {0, -signal.SIGTERM}
    assert seconds < STOP_SECONDS
    assert "Traceback" not in process.log
    assert len(process.log) < MAX_LOG_CHARACTERS


@pytest.mark.parametrize(
    ("name", "required"),
    [
        (
            API_DATABASE,
            {
                *("database", "workers", "head", "bus", "relay"),
                *("reconciliation", "checkpoints", "dead_letters"),
            },
        ),
        (TEMPORAL, {"temporal", "workers"}),
        (NATS, {"bus"}),
    ],
)
async def test_the_api_names_a_server_that_goes_away_and_recovers_when_it_is_back(
    system: System, tmp_path: Path, name: str, required: set[str]
) -> None:
    port = int(system.environment[name].rpartition(":")[2].partition("/")[0])
    async with Line.to(port) as line:
        changes = {name: at(system.environment[name], line.port)}
        async with api(system, tmp_path / "log", **changes) as (process, http):
            await becomes(http, "ready")
            line.cut()
            away = await becomes(http, "degraded" if name == NATS else "not ready")
            assert failing(away) <= required
            await line.mend()
            await becomes(http, "ready")
            line.cut()
            await becomes(http, "degraded" if name == NATS else "not ready")
            code, seconds = await process.stops(signal.SIGTERM)

    assert code in {0, -signal.SIGTERM}
    assert seconds < STOP_SECONDS
    assert "Traceback" not in process.log


async def test_an_order_without_temporal_is_refused_as_unavailable(
    system: System, tmp_path: Path
) -> None:
    unused = at(system.environment[TEMPORAL], Ports.free().temporal_port)
    async with api(system, tmp_path / "log", **{TEMPORAL: unused}) as (process, http):
        body = {"query": operation("PlaceOrder"), "variables": {"input": an_order("10115")}}
        (error,) = (await http.post("/graphql", json=body)).json()["errors"]
        assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "Traceback" not in process.log


async def test_the_api_is_not_ready_soon_after_its_last_worker_was_killed(
    system: System, tmp_path: Path
) -> None:
    queue = {"WAYBILL_TASK_QUEUE": f"queue-{uuid4().hex[:8]}"}
    async with (
        worker(system, tmp_path / "worker", **queue) as working,
        api(system, tmp_path / "api", **queue) as (_, http),
    ):
        await becomes(http, "ready")
        working.process.kill()
        answer = await becomes(http, "not ready")
        assert failing(answer) == {"workers"}
        async with worker(system, tmp_path / "another", **queue):
            await becomes(http, "ready")


@pytest.mark.parametrize("provider", ["payment", "carrier"])
async def test_a_simulator_stops_in_time_and_names_a_setting_that_is_missing(
    system: System, tmp_path: Path, provider: str
) -> None:
    module = ("-m", f"providers.{provider}_simulator")
    key = f"WAYBILL_{provider.upper()}_API_KEY"
    own = {**Ports.free().as_environment(), "WAYBILL_DATA_DIR": str(tmp_path)}
    async with started(tmp_path / "log", {**system.environment, **own, key: ""}, *module) as wrong:
        assert await wrong.ends(END_SECONDS) == 1
    (line,) = wrong.log.splitlines()
    assert line.startswith(f"{provider}-simulator: {key} is not set")

    async with started(tmp_path / "log", {**system.environment, **own}, *module) as process:
        port = own[f"WAYBILL_{provider.upper()}_SIMULATOR_PORT"]
        await answers(f"http://{LOOPBACK}:{port}/healthz")
        code, seconds = await process.stops(signal.SIGTERM)
    assert code in {0, -signal.SIGTERM}
    assert seconds < STOP_SECONDS
    assert "Traceback" not in process.log


async def answers(url: str) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS), local_client() as http:
        while True:
            try:
                await http.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
