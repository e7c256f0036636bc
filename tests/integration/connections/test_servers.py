"""Connect to several PostgreSQL servers, a primary and a standby, which these tests start."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from database_url import DatabaseUrl
from kit.connection import NoServerAvailable
from kit.engine import create_engine
from kit.pool import create_pool
from settings import DatabaseRole
from stack import postgres
from stack.ordinary_user import as_ordinary_user, give_to_its_user
from stack.ports import Ports
from stack.processes import Program
from stack.supervisor import Supervisor, supervised
from stack.tools import postgres_program
from tests.integration.connections.conftest import ask, refusals

PASSWORD = "a-password"  # noqa: S105 - of a server on loopback, for a minute
PORT = "SELECT current_setting('port')"


@dataclass
class Servers:
    primary: int
    standby: int
    stop_primary: AsyncExitStack

    def url(self, hosts: str, parameters: str = "") -> str:
        return f"postgresql://waybill:{PASSWORD}@{hosts}/waybill?{parameters}"

    @property
    def both(self) -> str:
        return f"127.0.0.1:{self.primary},127.0.0.1:{self.standby}"

    @property
    def standby_first(self) -> str:
        return f"127.0.0.1:{self.standby},127.0.0.1:{self.primary}"


def owner_url(port: int) -> str:
    return postgres.database_url(DatabaseRole.MIGRATION, port, PASSWORD)


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    ports = Ports.free()
    primary, standby = ports.postgres_port, ports.nats_port
    first, second = (
        postgres.database_url(DatabaseRole.MIGRATION, port, PASSWORD) for port in (primary, standby)
    )
    async with AsyncExitStack() as stop_primary, supervised(folder / "standby") as beside:
        supervisor = await stop_primary.enter_async_context(supervised(folder / "primary"))
        await postgres.start(supervisor, folder / "primary", first)
        await copy(beside, first, folder / "standby" / "postgres")
        await postgres.start(beside, folder / "standby", second)
        yield Servers(primary, standby, stop_primary)


async def copy(supervisor: Supervisor, url: str, data: Path) -> None:
    """Make a standby of this server."""
    parts = urlsplit(url)
    command = (
        *(*as_ordinary_user(), postgres_program("pg_basebackup"), "--pgdata", str(data)),
        *("--host", str(parts.hostname), "--port", str(parts.port), "--username", "waybill"),
        *("--write-recovery-conf", "--checkpoint", "fast"),
    )
    environment = {**os.environ, "PGPASSWORD": PASSWORD}
    await asyncio.to_thread(data.mkdir, mode=0o700)
    give_to_its_user(data)
    await supervisor.succeed(Program("basebackup", command, environment=environment))


async def test_a_dead_server_is_passed_over(servers: Servers) -> None:
    url = servers.url(f"127.0.0.1:1,127.0.0.1:{servers.primary}")

    assert await ask(url, PORT) == [str(servers.primary)] * 2


async def test_a_server_that_does_not_answer_is_passed_over(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.connection.CONNECT_TIMEOUT_SECONDS", 0.5)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = servers.url(f"127.0.0.1:{port},127.0.0.1:{servers.primary}")
        assert await ask(url, PORT) == [str(servers.primary)] * 2


async def test_the_primary_is_chosen_among_several_servers(servers: Servers) -> None:
    for hosts in (servers.both, servers.standby_first):
        assert await ask(servers.url(hosts), PORT) == [str(servers.primary)] * 2


async def test_a_standby_is_chosen_where_it_is_asked_for(servers: Servers) -> None:
    url = servers.url(servers.both, "target_session_attrs=standby")

    assert await ask(url, PORT) == [str(servers.standby)] * 2


async def test_unusable_servers_are_named_with_the_reason(
    servers: Servers,
) -> None:
    for refusal in await refusals(servers.url(f"127.0.0.1:1,127.0.0.1:{servers.standby}")):
        assert isinstance(refusal, NoServerAvailable)
        assert "127.0.0.1:1 " in str(refusal)
        assert f"127.0.0.1:{servers.standby} " in str(refusal)
        assert "read-write" in str(refusal)
        assert PASSWORD not in str(refusal)


async def test_a_wrong_password_is_tried_at_a_single_server(servers: Servers) -> None:
    url = servers.url(servers.both).replace(PASSWORD, "wrong")

    for refusal in await refusals(url):
        assert "password authentication failed" in str(refusal)
        assert not isinstance(refusal, NoServerAvailable)


async def test_the_next_query_after_a_failover_goes_to_the_new_primary(servers: Servers) -> None:
    """This is the last test of the module, because it stops the primary."""
    url = servers.url(servers.both)
    standby = DatabaseUrl.parse(
        postgres.database_url(DatabaseRole.MIGRATION, servers.standby, PASSWORD)
    )
    engine = create_engine(url)
    async with await create_pool(url) as pool:
        assert await pool.fetchval(PORT) == str(servers.primary)
        async with engine.connect() as connection:
            assert await connection.scalar(text(PORT)) == str(servers.primary)

        await servers.stop_primary.aclose()
        promoting = await asyncpg.connect(**standby.arguments(standby.servers[0]))
        assert await promoting.fetchval("SELECT pg_promote()")
        await promoting.close()

        assert await pool.fetchval(PORT) == str(servers.standby)
        async with engine.connect() as connection:
            assert await connection.scalar(text(PORT)) == str(servers.standby)
        await pool.execute("CREATE TABLE written_after_the_failover ()")
    await engine.dispose()
