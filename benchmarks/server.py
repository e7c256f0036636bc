"""A PostgreSQL of the benchmarks' own, set up as the embedded one is, fsync and all."""

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
    """The owner's, as the peers make tables of their own."""

    def database(self) -> AbstractAsyncContextManager[str]:
        """The URL of a migrated and empty database, for as long as the block lasts."""
        return fresh_database(self.template_url, self.template_url)

    async def version(self) -> str:
        async with postgres.connected(postgres.sibling(self.template_url, "postgres")) as any_of_it:
            return str(await any_of_it.fetchval("SHOW server_version"))


@asynccontextmanager
async def started_server(data_dir: Path) -> AsyncIterator[Server]:
    """On a free port until the end of the block; keeps nothing. Raises StackError."""
    async with supervised(data_dir) as supervisor:
        shutil.rmtree(data_dir / "postgres", ignore_errors=True)  # of a run that was killed
        environment = system_environment(data_dir, Ports.free())
        url = environment["WAYBILL_MIGRATION_DATABASE_URL"]
        await postgres.start(supervisor, data_dir, url)
        await migrate(supervisor, environment)
        yield Server(url)
    shutil.rmtree(data_dir)
