"""Start Temporal, the simulators and a database for the sagas of one benchmark.

All sides of a benchmark share them. Each side has a separate worker process and task queue.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
    # Otherwise it would find the peers' orders without a saga, and recover them.
    "WAYBILL_RECONCILE_EVERY": "P1D",
    "WAYBILL_RECONCILE_GRACE": "PT1H",
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
        """Start a Python process and wait until it is ready. Its name is the default task queue."""
        await self.supervisor.start(
            Program(
                name=name,
                command=(sys.executable, *command),
                environment={**self.environment, "WAYBILL_TASK_QUEUE": task_queue or name},
                is_ready=is_ready,
            )
        )


@asynccontextmanager
async def opened_world(
    server: Server, options: Mapping[str, str] = OPTIONS
) -> AsyncIterator[World]:
    """Start a world, and stop it at the end of the block. Raises StackError."""
    home = load_settings().data_dir / "benchmarks"
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="saga-", dir=home) as folder:
        async with server.database() as url, supervised(Path(folder)) as supervisor:
            ports = Ports.free()
            environment = _environment(Path(folder), ports, url, options)
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


def _environment(
    data_dir: Path, ports: Ports, database_url: str, options: Mapping[str, str]
) -> Environment:
    return {
        **system_environment(data_dir, ports, options),
        "WAYBILL_DATABASE_URL": database_url,
        "WAYBILL_API_DATABASE_URL": database_url,
    }


def _settings(environment: Environment) -> Settings:
    """Return the settings that a process with this environment reads."""
    named = {name: environment.get(f"WAYBILL_{name.upper()}") for name in Settings.model_fields}
    return Settings.model_validate({name: v for name, v in named.items() if v is not None})
