"""Run the deployment's script on a real server, as PostgreSQL's image runs it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from stack.postgres import connected, sibling
from stack.processes import ROOT
from stack.tools import postgres_program
from tests.integration.migrations.checkout import Checkout

PASSWORDS = {
    f"{name}_DATABASE_PASSWORD": f"{name.lower()}-password"
    for name in ("MIGRATION", "APPEND", "API", "PROJECTIONS", "TEMPORAL", "MONITORING")
}


async def a_server_of_the_image(server_url: str) -> str:
    """A server whose superuser has another name: the owner of the database is no superuser."""
    async with connected(sibling(server_url, "postgres")) as owner:
        await owner.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'postgres-password'")
    _, _, address = sibling(server_url, "postgres").rpartition("@")
    url = f"postgresql+asyncpg://postgres:postgres-password@{address}"
    async with connected(url) as superuser:
        await superuser.execute("DROP DATABASE waybill WITH (FORCE)")
        await superuser.execute("ALTER ROLE waybill RENAME TO boot")
    return url


async def run_script(url: str) -> None:
    parts = urlsplit(url)
    process = await asyncio.create_subprocess_exec(
        "sh",
        str(ROOT / "deploy" / "postgres" / "create-databases.sh"),
        env={
            "PATH": f"{Path(postgres_program('psql')).parent}:{os.environ['PATH']}",
            "POSTGRES_USER": "postgres",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(parts.port),
            "PGPASSWORD": parts.password or "",
            **PASSWORDS,
        },
    )
    assert await process.wait() == 0


async def test_the_roles_of_a_new_volume_migrate_append_and_read(
    checkout: Checkout, new_server: str
) -> None:
    superuser_url = await a_server_of_the_image(new_server)
    await run_script(superuser_url)
    address = superuser_url.rpartition("@")[2].rpartition("/")[0]

    def url(user: str, password: str, database: str = "waybill") -> str:
        return f"postgresql+asyncpg://{user}:{password}@{address}/{database}"

    outcome = await checkout.upgrade(url("waybill", "migration-password"))
    outcome.succeeded()
    assert outcome.said == ""
    async with connected(url("waybill_append_login", "append-password")) as append:
        await append.execute(
            "SELECT eventstore.append_event"
            "('s', -1, gen_random_uuid(), 'T', 1::smallint, '{}', '{}')"
        )
    async with connected(url("waybill_api_login", "api-password")) as api:
        assert await api.fetchval("SELECT eventstore.safe_head()") == 1
        assert await api.fetchval("SELECT pg_has_role('pg_read_all_stats', 'USAGE')")
    async with connected(url("waybill_projections_login", "projections-password")) as projections:
        await projections.execute("CREATE TABLE readmodel.second (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connected(url("waybill_append_login", "append-password", "temporal")):
            pass
    async with connected(url("waybill_monitoring_login", "monitoring-password")) as monitoring:
        assert await monitoring.fetchval("SELECT count(*) > 0 FROM pg_stat_activity")
        assert await monitoring.fetchval("SELECT pg_database_size('temporal') > 0")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await monitoring.fetchval("SELECT count(*) FROM eventstore.event")
        roles = "SELECT string_agg(roleid::regrole::text, ',') FROM pg_auth_members WHERE member = "
        assert await monitoring.fetchval(f"{roles} current_user::regrole") == "pg_monitor"
