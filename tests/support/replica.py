"""A streaming replica of a test's PostgreSQL, which can be paused, stopped and started again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from kit.eventually import eventually
from kit.pool import Pool, create_pool
from stack import postgres
from stack.ports import Ports
from stack.processes import Program, Tier
from stack.supervisor import supervised
from stack.tools import postgres_program

WRITTEN = "SELECT pg_current_wal_insert_lsn()"
HAS_REPLAYED = "SELECT pg_last_wal_replay_lsn() >= $1"
IS_PAUSED = "SELECT pg_get_wal_replay_pause_state() = 'paused'"


@dataclass
class Replica:
    """A copy of the whole server. `owner` and `primary` are connections of the owner."""

    primary: Pool
    owner: Pool
    _data_dir: Path
    _url: str
    _server: AsyncExitStack = field(default_factory=AsyncExitStack)
    is_running: bool = False

    def url_of(self, primary_url: str) -> str:
        """Return the URL of the replica for the database and the role of this URL."""
        port = urlsplit(primary_url).port
        return primary_url.replace(f":{port}/", f":{urlsplit(self._url).port}/")

    async def start(self) -> None:
        supervisor = await self._server.enter_async_context(supervised(self._data_dir))
        await postgres.start(supervisor, self._data_dir, self._url)
        self.is_running = True

    async def stop(self) -> None:
        self.is_running = False
        await self._server.aclose()

    async def start_if_stopped(self) -> None:
        if not self.is_running:
            await self.start()

    @asynccontextmanager
    async def setting(self, name: str, value: str) -> AsyncIterator[None]:
        """Change a setting of the replica's server for the block."""
        await self._alter(f"SET {name} = '{value}'")
        try:
            yield
        finally:
            await self._alter(f"RESET {name}")

    async def _alter(self, change: str) -> None:
        await self.owner.execute(f"ALTER SYSTEM {change}")
        await self.owner.execute("SELECT pg_reload_conf()")

    async def pause(self) -> None:
        """Stop replaying. Until resume(), the replica answers with its present state."""
        await self.owner.execute("SELECT pg_wal_replay_pause()")
        await eventually(lambda: self.owner.fetchval(IS_PAUSED), 20)

    async def resume(self) -> None:
        await self.owner.execute("SELECT pg_wal_replay_resume()")

    async def catch_up(self) -> None:
        """Wait until the replica has everything that the primary has now."""
        written = await self.primary.fetchval(WRITTEN)
        await eventually(lambda: self.owner.fetchval(HAS_REPLAYED, written), 20)


@asynccontextmanager
async def replica_of(owner_url: str, data_dir: Path) -> AsyncIterator[Replica]:
    """Copy the server of this URL and follow it from then on."""
    port = urlsplit(owner_url).port
    url = owner_url.replace(f":{port}/", f":{Ports.free().postgres_port}/")
    await _copy(owner_url, data_dir)
    async with await create_pool(owner_url, size=2) as primary, await create_pool(url) as owner:
        replica = Replica(primary, owner, data_dir, url)
        await replica.start()
        try:
            yield replica
        finally:
            await replica.stop()


async def _copy(url: str, data_dir: Path) -> None:
    source = urlsplit(url)
    program = Program(
        name="pg_basebackup",
        tier=Tier.SERVER,
        command=(
            postgres_program("pg_basebackup"),
            *("--pgdata", str(data_dir / "postgres")),
            *("--checkpoint=fast", "--write-recovery-conf"),
            *("--host", str(source.hostname), "--port", str(source.port)),
            *("--username", str(source.username), "--no-password"),
        ),
        environment={**os.environ, "PGPASSWORD": str(source.password)},
    )
    async with supervised(data_dir) as supervisor:
        await supervisor.succeed(program)
