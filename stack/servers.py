"""Start PostgreSQL, Temporal and NATS together, for a test or a benchmark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.tasks import together
from settings import DatabaseRole
from stack import nats, postgres, temporal
from stack.databases import migrate
from stack.environment import database_urls, system_environment
from stack.ports import Ports
from stack.supervisor import Supervisor, supervised


@dataclass(frozen=True)
class Servers:
    databases: Mapping[DatabaseRole, str]
    """The URL of the database for each role."""
    temporal_address: str
    nats_url: str

    @property
    def database_url(self) -> str:
        """The URL of the appending role."""
        return self.databases[DatabaseRole.APPEND]

    @property
    def owner_url(self) -> str:
        return self.databases[DatabaseRole.MIGRATION]


async def start(supervisor: Supervisor, ports: Ports, environment: Mapping[str, str]) -> Servers:
    """Start PostgreSQL with a migrated schema, Temporal and NATS concurrently."""
    data_dir = Path(environment["WAYBILL_DATA_DIR"])
    servers = Servers(
        databases=database_urls(environment),
        temporal_address=environment["WAYBILL_TEMPORAL_ADDRESS"],
        nats_url=environment["WAYBILL_NATS_URL"],
    )

    async def migrated_database() -> None:
        await postgres.start(supervisor, data_dir, servers.owner_url)
        await migrate(supervisor, environment)

    await together(
        migrated_database(),
        temporal.start(supervisor, data_dir, ports),
        nats.start(supervisor, data_dir, ports.nats_port, ports.nats_monitor_port),
    )
    return servers


@asynccontextmanager
async def started_servers(data_dir: Path, ports: Ports | None = None) -> AsyncIterator[Servers]:
    """Run the servers until the end of the block, on free ports by default. Raises StackError."""
    ports = ports or Ports.free()
    async with supervised(data_dir) as supervisor:
        yield await start(supervisor, ports, system_environment(data_dir, ports))
