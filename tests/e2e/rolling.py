"""Two APIs behind one address and two workers, restarted one after the other under load."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import httpx

from kit.eventually import eventually
from kit.local_http import local_client
from kit.pool import create_pool
from stack import programs
from stack.ports import LOOPBACK, Ports
from stack.processes import Child
from stack.supervisor import Supervisor, supervised
from stack.system import System, start
from tests.e2e.orders import PATIENT
from tests.e2e.switch import Switch

ENDED_BY_ITSELF: Final = {0, -signal.SIGTERM}
_STEPS: Final = """
    SELECT stream_id, recorded_at FROM eventstore.event
    WHERE stream_id LIKE 'order-%' ORDER BY stream_id, version
"""


@dataclass
class Cluster:
    """A system with one API and one worker at first, at an address that stays the same."""

    system: System
    url: str
    _supervisor: Supervisor
    _ports: Ports
    """The ports of the second API and of the second worker."""
    apis: list[Child]
    workers: list[Child]
    exits: list[int] = field(default_factory=list)
    """The exit codes of the processes that were restarted."""

    async def grow(self) -> None:
        """Start a second API and a second worker."""
        environment = self.system.environment
        api = replace(programs.api(self._ports, environment), name="api-2")
        worker = programs.worker(2, self._ports.smtp_port, environment)
        self.apis.append(await self._supervisor.start(api))
        self.workers.append(await self._supervisor.start(worker))
        await self._are_ready()

    async def restart_each(self) -> None:
        """Restart each process by SIGTERM, the next one when the last one is ready again."""
        for child in (*self.apis, *self.workers):
            await child.stop()
            self.exits.append(await child.wait())
            child.start()
            await child.ready()
            await self._are_ready()

    async def step_seconds(self) -> list[tuple[float, float]]:
        """Return when each step of each order began, as Unix time, and how long it took."""
        async with await create_pool(self.system.servers.database_url, size=1) as pool:
            rows = await pool.fetch(_STEPS)
        return [
            (
                one["recorded_at"].timestamp(),
                (two["recorded_at"] - one["recorded_at"]).total_seconds(),
            )
            for one, two in pairwise(rows)
            if one["stream_id"] == two["stream_id"]
        ]

    async def _are_ready(self) -> None:
        ports = (self.system.ports.http_port, self._ports.http_port)
        async with local_client(timeout=10) as http:
            for port in ports:
                await eventually(partial(_is_ready, http, port), 60)


async def _is_ready(http: httpx.AsyncClient, port: int) -> bool:
    return (await http.get(f"http://{LOOPBACK}:{port}/readyz")).status_code == httpx.codes.OK


@asynccontextmanager
async def running_cluster(data_dir: Path) -> AsyncIterator[Cluster]:
    ports, more = Ports.free(), Ports.free()
    async with (
        Switch((ports.http_port, more.http_port)).listening() as port,
        supervised(data_dir) as supervisor,
    ):
        url = f"http://{LOOPBACK}:{port}"
        given = {
            **PATIENT,
            "WAYBILL_PAYMENT_SIMULATOR_WEBHOOK_URL": f"{url}/webhooks/payments",
            "WAYBILL_CARRIER_SIMULATOR_WEBHOOK_URL": f"{url}/webhooks/shipping",
        }
        system = await start(supervisor, data_dir, ports, given=given)
        yield Cluster(system, url, supervisor, more, [system.api], [*system.workers])


@dataclass
class Window:
    """A span of time, by the clock of this process and by the one of the log."""

    began: float = field(default_factory=time.monotonic)
    began_at: float = field(default_factory=time.time)
    ended: float = 0.0
    ended_at: float = 0.0

    def end(self) -> None:
        self.ended, self.ended_at = time.monotonic(), time.time()


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
