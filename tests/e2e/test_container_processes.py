"""Run each container's command of docker-compose.yml without an engine, as an engine would.

The root is read-only, the user is the image's, and only the image's files are visible. The
addresses and secrets are those of the system of the tests, and the ports are free ones.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.eventually import eventually
from stack.environment import SECRETS
from stack.ports import Ports
from stack.system import System
from tests.e2e.processes import Process
from tests.integration.deployment.compose import Service, configured, copy_of_the_image
from tests.integration.migrations.checkout import empty_database
from tests.support.guarded import guarded
from tests.support.sandbox import USER, Sandbox, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no read-only root here: {why_not()}")

SERVERS = ("api", "worker", "payment-simulator", "carrier-simulator")
ENDED = (0, -signal.SIGTERM)
"""uvicorn ends by sending the signal to itself again, which process 1 of a container survives."""
GRACE_SECONDS = {"api": 10, "worker": 30, "payment-simulator": 10, "carrier-simulator": 10}
"""The engine kills a container after 10 s unless the service says otherwise."""
HEALTHY_SECONDS = 60
WRITABLE = "/tmp"  # noqa: S108 - the container's own


@dataclass
class Container:
    """A service of docker-compose.yml, on the servers and the ports of the test."""

    name: str
    service: Service
    sandbox: Sandbox
    system: System
    ports: dict[str, str]

    @property
    def writable(self) -> list[str]:
        volumes = [volume["target"] for volume in self.service.get("volumes", ())]
        return [*self.service["tmpfs"], *volumes]

    @property
    def environment(self) -> dict[str, str]:
        given = {n: v for n, v in self.service["environment"].items() if v is not None}
        ours = {
            name: self.system.environment[name]
            for name in given
            if name in self.system.environment
            and (name in SECRETS or name.endswith(("_URL", "_ADDRESS")))
        }
        if "WAYBILL_WORKER_HTTP_PORT" in given:
            ours["WAYBILL_WORKER_HTTP_PORT"] = self.ports[given["WAYBILL_WORKER_HTTP_PORT"]]
        if self.name.endswith("-simulator"):
            kind = self.name.removesuffix("-simulator")
            default = {"payment": "8101", "carrier": "8102"}[kind]
            ours[f"WAYBILL_{kind.upper()}_SIMULATOR_PORT"] = self.ports[default]
        return self.sandbox.environment({**given, **ours})

    def moved(self, text: str) -> str:
        """Return the text with each port of the container replaced by that of the test."""
        for port, ours in self.ports.items():
            text = ours if text == port else text.replace(f":{port}/", f":{ours}/")
        return text

    @property
    def command(self) -> tuple[str, ...]:
        image = ["python", "-m", "api", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104
        words = self.service["command"] or image
        return self.sandbox.command([self.moved(word) for word in words], writable=self.writable)

    async def run(self, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run another command in such a container, to its end."""
        return await asyncio.to_thread(
            subprocess.run,
            self.sandbox.command(command, writable=self.writable),
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    async def is_healthy(self) -> bool:
        """Run the health check of docker-compose.yml."""
        kind, *command = self.service["healthcheck"]["test"]
        assert kind == "CMD"
        return (await self.run(*map(self.moved, command))).returncode == 0

    @asynccontextmanager
    async def running(self, log: Path) -> AsyncIterator[Process]:
        with (
            log.open("w") as output,
            guarded(self.command, environment=self.environment, output=output) as process,
        ):
            yield Process(process, log)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("container")
    return Sandbox.made_in(folder, copy_of_the_image(folder))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Service]:
    found: dict[str, Service] = configured(tmp_path_factory.mktemp("compose"), "--profile", "*")[
        "services"
    ]
    return {name: service for name, service in found.items() if "build" in service}


@pytest.fixture
def container(
    request: pytest.FixtureRequest, services: dict[str, Service], sandbox: Sandbox, system: System
) -> Container:
    free = Ports.free()
    ports = {
        "8000": str(free.http_port),
        "8001": str(free.one_more()),
        "8101": str(free.payment_simulator_port),
        "8102": str(free.carrier_simulator_port),
    }
    return Container(request.param, services[request.param], sandbox, system, ports)


def of(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("container", names, indirect=True)


def status_of(process: Process) -> str:
    return Path("/proc", str(process.process.pid), "status").read_text()


def test_every_service_of_our_image_is_run_here(services: dict[str, Service]) -> None:
    assert services.keys() == {*SERVERS, "migrate", "catalogue"}


@of(*SERVERS)
async def test_a_server_is_healthy_on_a_read_only_root_and_ends_in_time(
    container: Container, tmp_path: Path
) -> None:
    assert not await container.is_healthy()  # the check fails for a process that does not run

    async with container.running(tmp_path / "log") as process:
        await eventually(container.is_healthy, HEALTHY_SECONDS, every=0.5)
        status = status_of(process)
        code, seconds = await process.stops(signal.SIGTERM)

    assert code in ENDED, process.log
    assert seconds < GRACE_SECONDS[container.name]
    assert container.service.get("stop_grace_period", "10s") == f"{GRACE_SECONDS[container.name]}s"
    assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}\n" in status
    assert "CapEff:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status
    assert "Read-only file system" not in process.log
    assert "Permission denied" not in process.log


@of("migrate")
async def test_the_migrations_fill_an_empty_database(container: Container, system: System) -> None:
    async with empty_database(system.servers.owner_url) as url:
        migrated = await container.run(
            *container.service["command"], WAYBILL_MIGRATION_DATABASE_URL=url
        )
        current = await container.run("alembic", "current", WAYBILL_MIGRATION_DATABASE_URL=url)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert current.stdout.endswith("(head)\n")


@of("catalogue")
async def test_the_catalogue_is_loaded_beside_a_running_system(container: Container) -> None:
    loaded = await container.run(*container.service["command"])
    assert (loaded.returncode, loaded.stderr) == (0, "")


@of("worker")
async def test_a_container_can_write_nothing_but_its_temporary_folder(container: Container) -> None:
    def written(folder: str) -> str:
        return f"open({folder + '/file'!r}, 'w')"

    assert container.writable == [WRITABLE]
    assert (await container.run("python", "-c", written(WRITABLE))).returncode == 0
    for folder in ("/app", "/data", "/venv", "/etc", "/usr"):
        refused = await container.run("python", "-c", written(folder))
        assert "Read-only file system" in refused.stderr


@of("payment-simulator", "carrier-simulator")
async def test_a_simulator_keeps_its_data_in_its_volume(container: Container) -> None:
    assert container.writable == [WRITABLE, "/data"]


@of("api")
async def test_a_container_sees_the_images_files_alone(container: Container) -> None:
    seen = await container.run("ls", "/app", "/")
    assert "worker.py" in seen.stdout
    assert {"tests", "deploy", ".env", ".git"}.isdisjoint(seen.stdout.split())
