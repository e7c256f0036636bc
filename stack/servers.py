"""The three servers together: all that a test or a benchmark needs of the stack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stack import environment, nats, postgres, temporal
from stack.databases import migrate
from stack.ports import Ports
from stack.supervisor import Supervisor, supervised, together


@dataclass(frozen=True)
class Servers:
    database_url: str
    temporal_address: str
    nats_url: str


async def start(supervisor: Supervisor, data_dir: Path, ports: Ports, password: str) -> None:
    """PostgreSQL, Temporal and NATS, at once; ready when this returns."""
    await together(
        postgres.start(supervisor, data_dir, ports.postgres_port, password),
        temporal.start(supervisor, data_dir, ports.temporal_port, ports.temporal_ui_port),
        nats.start(supervisor, data_dir, ports.nats_port, ports.nats_monitor_port),
    )


@asynccontextmanager
async def started_servers(data_dir: Path, ports: Ports | None = None) -> AsyncIterator[Servers]:
    """The servers, on free ports unless told, and a migrated database. Raises StackError."""
    ports = ports or Ports.free()
    async with supervised(data_dir) as supervisor:
        stack_environment = environment.prepare(data_dir, ports)
        await start(supervisor, data_dir, ports, environment.password_of(stack_environment))
        servers = servers_of(stack_environment)
        await migrate(supervisor, servers.database_url)
        yield servers


def servers_of(stack_environment: environment.Environment) -> Servers:
    return Servers(
        database_url=stack_environment["WAYBILL_DATABASE_URL"],
        temporal_address=stack_environment["WAYBILL_TEMPORAL_ADDRESS"],
        nats_url=stack_environment["WAYBILL_NATS_URL"],
    )
