"""What the sagas of one benchmark run on: Temporal, the simulators over HTTP, a database.

All sides of a benchmark share it. Each has a worker process and a task queue of its own.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from temporalio.client import Client

from activities.command_handler import CommandHandler
from benchmarks.saga.orders import stock_up
from benchmarks.saga.webhooks import Switchboard, receiving
from benchmarks.server import Server
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool, create_pool
from kit.tasks import together
from projections.inline import InlineReadModels
from settings import Settings, load_settings
from stack import programs, temporal
from stack.environment import Environment, system_environment
from stack.ports import Ports
from stack.processes import Program
from stack.supervisor import Supervisor, supervised
from temporal.client import connect

OPTIONS: Final = {
    "WAYBILL_CARRIER_DISPATCH_AFTER": "PT0S",
    "WAYBILL_CARRIER_DELIVER_AFTER": "PT0S",
    # It would find the peers' orders without a saga of ours, and take them up.
    "WAYBILL_RECONCILE_EVERY": "P1D",
    "WAYBILL_RECONCILE_GRACE": "P1D",
    "WAYBILL_BUS": "memory",
}


@dataclass(frozen=True)
class World:
    environment: Environment
    settings: Settings
    client: Client
    pool: Pool
    switchboard: Switchboard
    supervisor: Supervisor

    async def start(
        self,
        name: str,
        is_ready: Callable[[int], Awaitable[bool]],
        *command: str,
        task_queue: str | None = None,
    ) -> None:
        """A Python process, on a task queue of its own name unless told; returns once it is
        ready."""
        await self.supervisor.start(
            Program(
                name=name,
                command=(sys.executable, *command),
                environment={**self.environment, "WAYBILL_TASK_QUEUE": task_queue or name},
                is_ready=is_ready,
            )
        )


@asynccontextmanager
async def opened_world(server: Server) -> AsyncIterator[World]:
    """Raises StackError."""
    home = load_settings().data_dir / "benchmarks"
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="saga-", dir=home) as folder:
        async with server.database() as url, supervised(Path(folder)) as supervisor:
            ports = Ports.free()
            environment = _environment(Path(folder), ports, url)
            await together(
                temporal.start(supervisor, Path(folder), ports),
                supervisor.start(programs.payment_simulator(ports, environment)),
                supervisor.start(programs.carrier_simulator(ports, environment)),
            )
            async with _connected(environment, supervisor) as world:
                yield world


@asynccontextmanager
async def _connected(environment: Environment, supervisor: Supervisor) -> AsyncIterator[World]:
    settings = _settings(environment)
    client = await connect(settings)
    async with (
        await create_pool(settings.database_url.get_secret_value()) as pool,
        receiving(settings, pool) as switchboard,
    ):
        await stock_up(CommandHandler(PostgresEventStore(pool, [InlineReadModels()])))
        yield World(environment, settings, client, pool, switchboard, supervisor)


def _environment(data_dir: Path, ports: Ports, database_url: str) -> Environment:
    return {
        **system_environment(data_dir, ports, OPTIONS),
        "WAYBILL_DATABASE_URL": database_url,
    }


def _settings(environment: Environment) -> Settings:
    """What a process started with this environment reads from it."""
    named = {name: environment.get(f"WAYBILL_{name.upper()}") for name in Settings.model_fields}
    return Settings.model_validate({name: v for name, v in named.items() if v is not None})
