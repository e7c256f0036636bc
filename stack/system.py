"""Start all of Waybill on the embedded stack: servers, simulators, API and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.tasks import alone
from stack import data_format, programs, servers
from stack.environment import Environment, system_environment
from stack.ports import LOOPBACK, Ports
from stack.processes import Child, Program
from stack.servers import Servers
from stack.supervisor import Supervisor, supervised
from stack.tokens import Role, token


@dataclass(frozen=True)
class System:
    """A running system. A process that has its `environment` becomes a part of it."""

    ports: Ports
    environment: Environment
    servers: Servers
    payment_simulator: Child
    carrier_simulator: Child
    mail_sink: Child
    api: Child
    workers: list[Child]
    worker_ports: Sequence[int]
    """The port of each worker's health and metrics."""

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.http_port}"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.temporal_ui_port}"

    @property
    def mails_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.mail_sink_port}"

    @property
    def worker_urls(self) -> Sequence[str]:
        return [f"http://{LOOPBACK}:{port}" for port in self.worker_ports]

    def token(self, role: Role, subject: str | None = None) -> str:
        return token(self.environment["WAYBILL_JWT_SECRET"], role, subject)


async def start(
    supervisor: Supervisor,
    data_dir: Path,
    ports: Ports,
    *,
    workers: int = 1,
    given: Mapping[str, str] | None = None,
) -> System:
    """Start every part as soon as its dependencies are ready, and fill the catalogue.

    All of it is ready, the catalogue filled, when this returns. `given` are further WAYBILL_*
    variables for every process. Raises StackError or OtherStoredFormatError.
    """
    ports.require_free()
    data_format.claim(data_dir)
    environment = system_environment(data_dir, ports, given)
    worker_ports = [ports.one_more() for _ in range(workers)]
    async with alone(), asyncio.TaskGroup() as group:

        def started(program: Program) -> asyncio.Task[Child]:
            return group.create_task(supervisor.start(program))

        payment = started(programs.payment_simulator(ports, environment))
        carrier = started(programs.carrier_simulator(ports, environment))
        mail_sink = started(programs.mail_sink(ports, environment))
        reached = await servers.start(supervisor, ports, environment)
        polling = [
            started(programs.worker(n, port, environment))
            for n, port in enumerate(worker_ports, start=1)
        ]
        api = started(programs.api(ports, environment))
    await supervisor.succeed(programs.catalogue(environment))
    return System(
        ports=ports,
        environment=environment,
        servers=reached,
        payment_simulator=payment.result(),
        carrier_simulator=carrier.result(),
        mail_sink=mail_sink.result(),
        api=api.result(),
        workers=[worker.result() for worker in polling],
        worker_ports=worker_ports,
    )


@asynccontextmanager
async def started_system(
    data_dir: Path,
    ports: Ports | None = None,
    *,
    workers: int = 1,
    given: Mapping[str, str] | None = None,
) -> AsyncIterator[System]:
    """Run a system for a test or a benchmark, on free ports by default and without restarts."""
    async with supervised(data_dir) as supervisor:
        yield await start(supervisor, data_dir, ports or Ports.free(), workers=workers, given=given)
