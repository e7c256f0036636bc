"""Start a separate PostgreSQL for the benchmarks, configured as the embedded one, with fsync."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stack import postgres
from stack.databases import fresh_database, migrate
from stack.environment import system_environment
from stack.ports import Ports
from stack.supervisor import supervised


@dataclass(frozen=True)
class Server:
    template_url: str
    """The owner's URL, because the peers create tables."""

    def database(self) -> AbstractAsyncContextManager[str]:
        """Create a migrated and empty database for the block, and yield its URL."""
        return fresh_database(self.template_url, self.template_url)

    async def version(self) -> str:
        async with postgres.connected(postgres.sibling(self.template_url, "postgres")) as any_of_it:
            return str(await any_of_it.fetchval("SHOW server_version"))


@asynccontextmanager
async def started_server(data_dir: Path) -> AsyncIterator[Server]:
    """Run a server on a free port until the end of the block. It keeps no data.

    Raises StackError.
    """
    async with supervised(data_dir) as supervisor:
        shutil.rmtree(data_dir / "postgres", ignore_errors=True)  # left over from a killed run
        environment = system_environment(data_dir, Ports.free())
        url = environment["WAYBILL_MIGRATION_DATABASE_URL"]
        await postgres.start(supervisor, data_dir, url)
        await migrate(supervisor, environment)
        yield Server(url)
    shutil.rmtree(data_dir)
