"""A server's first migration creates the roles, or prints the statements that create them."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from settings import DatabaseRole
from stack import postgres
from stack.databases import migrate
from stack.environment import database_urls, system_environment
from stack.ports import Ports
from stack.postgres import connected, sibling
from stack.servers import started_servers
from stack.supervisor import supervised
from tests.integration.migrations.checkout import Checkout, empty_database

MIGRATORS = {"creator": "CREATEROLE", "plain": ""}
GROUPS = ["waybill_api", "waybill_append", "waybill_projections"]


async def as_migrator(server_url: str, role: str, database_url: str) -> str:
    """Return the database's URL for a new role that owns it and is no superuser."""
    password = secrets.token_hex(8)
    name = urlsplit(database_url).path[1:]
    async with connected(server_url) as superuser:
        await superuser.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD '{password}' {MIGRATORS[role]};"
            f'ALTER DATABASE "{name}" OWNER TO {role}'
        )
    _, _, address = database_url.rpartition("@")
    return f"postgresql+asyncpg://{role}:{password}@{address}"


async def groups(server_url: str) -> list[str]:
    async with connected(server_url) as connection:
        rows = await connection.fetch(
            "SELECT rolname::text AS name FROM pg_roles WHERE rolname ~ '^waybill_' ORDER BY 1"
        )
    return [row["name"] for row in rows]


async def test_a_role_that_may_create_roles_migrates_and_learns_missing_grants(
    checkout: Checkout, new_server: str
) -> None:
    async with empty_database(new_server) as database:
        url = await as_migrator(new_server, "creator", database)
        outcome = await checkout.upgrade(url)
        outcome.succeeded()
        assert await groups(new_server) == GROUPS
        assert "GRANT pg_read_all_stats TO waybill_append, waybill_api;" in outcome.said
        outcome = await checkout.alembic(url, "downgrade", "base")
        outcome.succeeded()
        (await checkout.upgrade(url)).succeeded()


async def test_a_role_that_may_not_create_roles_gets_the_statements_for_it(
    checkout: Checkout, new_server: str
) -> None:
    async with empty_database(new_server) as database:
        url = await as_migrator(new_server, "plain", database)
        refused = await checkout.upgrade(url)
        assert refused.code != 0
        assert await groups(new_server) == []
        said = " ".join(refused.printed.split())
        assert "the role plain may not create or grant roles" in said
        statements = said.partition("migrate again: ")[2]
        assert statements == (
            "CREATE ROLE waybill_append NOLOGIN; CREATE ROLE waybill_api NOLOGIN; "
            "CREATE ROLE waybill_projections NOLOGIN; GRANT waybill_projections TO plain; "
            "GRANT pg_read_all_stats TO waybill_append, waybill_api;"
        )
        async with connected(new_server) as superuser:
            await superuser.execute(statements)
        outcome = await checkout.upgrade(url)
        outcome.succeeded()
        assert outcome.said == ""
        async with connected(url) as migrator:
            assert await migrator.fetchval("SELECT eventstore.safe_head()") == 0


async def test_databases_of_one_server_are_migrated_at_once(
    checkout: Checkout, new_server: str
) -> None:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(empty_database(new_server)) for _ in range(4)]
        for outcome in await asyncio.gather(*map(checkout.upgrade, urls)):
            outcome.succeeded()
    assert await groups(new_server) == GROUPS


async def test_a_data_folder_from_before_the_roles_still_works(tmp_path: Path) -> None:
    ports = Ports.free()
    environment = system_environment(tmp_path, ports)
    owner_url = environment["WAYBILL_MIGRATION_DATABASE_URL"]
    async with supervised(tmp_path) as supervisor:
        await postgres.start(supervisor, tmp_path, owner_url)
        checkout = Checkout.copied_to(tmp_path / "checkout")
        (await checkout.alembic(owner_url, "upgrade", "0008")).succeeded()
        async with connected(owner_url) as owner:
            await owner.execute("INSERT INTO readmodel.saga_recovery VALUES ('kept', 1)")
    (tmp_path / "stack.env").write_text(f"WAYBILL_DATABASE_URL={owner_url}\n")

    async with started_servers(tmp_path) as servers:
        assert urlsplit(servers.owner_url).password == urlsplit(owner_url).password
        async with connected(servers.database_url) as append:
            assert await append.fetchval("SELECT current_user") == "waybill_append_login"
            assert await append.fetchval("SELECT order_id FROM readmodel.saga_recovery") == "kept"
        first = servers.database_url
    async with started_servers(tmp_path) as servers, connected(servers.database_url):
        assert urlsplit(servers.database_url).password == urlsplit(first).password


async def test_a_lost_login_is_created_again_at_the_next_start(tmp_path: Path) -> None:
    ports = Ports.free()
    environment = system_environment(tmp_path, ports)
    urls = database_urls(environment)
    async with supervised(tmp_path) as supervisor:
        await postgres.start(supervisor, tmp_path, urls[DatabaseRole.MIGRATION])
        await migrate(supervisor, environment)
        async with connected(urls[DatabaseRole.MIGRATION]) as owner:
            await owner.execute("DROP ROLE waybill_api_login")
            await owner.execute("ALTER ROLE waybill_append_login PASSWORD 'another'")
        await migrate(supervisor, environment)
        for role, url in urls.items():
            async with connected(sibling(url, "waybill")) as connection:
                assert await connection.fetchval("SELECT session_user") == postgres.LOGINS[role]
