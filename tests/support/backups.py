"""Back up a running PostgreSQL, and start another server from it: docs/OPERATIONS.md."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from kit.eventually import eventually
from stack import postgres
from stack.ordinary_user import give_to_its_user
from stack.ports import Ports
from stack.postgres import connected, sibling
from stack.processes import Program, Tier
from stack.supervisor import supervised
from stack.tools import postgres_program

_IS_STREAMING = """
    SELECT EXISTS (SELECT FROM pg_stat_replication
                   WHERE application_name = 'pg_receivewal' AND state = 'streaming')
"""
SLOT = "waybill_archive"
_CREATE_SLOT = "SELECT pg_create_physical_replication_slot($1, true)"
_DROP_SLOT = "SELECT pg_drop_replication_slot($1)"
GLOBALS, DATABASE = "globals.sql", "waybill.dump"


def at_port(url: str, port: int) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{port}/")


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


async def run(owner_url: str, folder: Path, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs against the server of this URL; fail when it fails."""
    program = Program(
        name=name,
        tier=Tier.SERVER,
        command=(postgres_program(name), *arguments),
        environment=_environment(owner_url),
    )
    async with supervised(folder) as supervisor:
        await supervisor.succeed(program)


async def base_backup(owner_url: str, folder: Path) -> None:
    """Copy the whole server, with the WAL that was written meanwhile, to `folder/postgres`."""
    data = folder / "postgres"
    await run(
        owner_url,
        folder,
        "pg_basebackup",
        *("--pgdata", str(data), "--checkpoint=fast", "--wal-method=stream", "--no-password"),
    )
    await run(owner_url, folder, "pg_verifybackup", str(data))


async def dump(owner_url: str, folder: Path) -> None:
    """Dump the roles, and the database of the URL."""
    _create(folder)
    await run(owner_url, folder, "pg_dumpall", "--globals-only", "--file", str(folder / GLOBALS))
    name = owner_url.rpartition("/")[2]
    await run(
        owner_url, folder, "pg_dump", "--format=custom", "--file", str(folder / DATABASE), name
    )


async def load(owner_url: str, folder: Path) -> None:
    """Load a dump into the empty server of the URL, whose owner exists already."""
    name = owner_url.rpartition("/")[2]
    async with connected(sibling(owner_url, "postgres")) as owner:
        await owner.execute(f'DROP DATABASE IF EXISTS "{name}"')
        await owner.execute(f'CREATE DATABASE "{name}"')
    await run(
        owner_url, folder, "psql", "--quiet", "--dbname=postgres", "--file", str(folder / GLOBALS)
    )
    await run(
        owner_url,
        folder,
        *("pg_restore", "--exit-on-error", "--dbname", name, str(folder / DATABASE)),
    )


@asynccontextmanager
async def started(owner_url: str, folder: Path) -> AsyncIterator[str]:
    """Run a server on `folder/postgres`, empty if there is none.

    Yield the URL of the same database there, for the owner.
    """
    _create(folder)
    url = at_port(owner_url, Ports.free().postgres_port)
    async with supervised(folder) as supervisor:
        await postgres.start(supervisor, folder, sibling(url, postgres.DATABASE))
        yield url


@asynccontextmanager
async def archiving(owner_url: str, archive: Path) -> AsyncIterator[None]:
    """Copy the WAL of the server to this folder while the block runs."""
    _create(archive)
    program = Program(
        name="pg_receivewal",
        tier=Tier.SERVER,
        command=(
            *(postgres_program("pg_receivewal"), "--directory", str(archive), "--no-password"),
            *("--slot", SLOT),
        ),
        environment=_environment(owner_url),
        stop_signal=signal.SIGINT,
    )
    async with connected(owner_url) as owner:
        # The slot makes the server keep what the archive does not have yet.
        await owner.execute(_CREATE_SLOT, SLOT)
        try:
            async with supervised(archive.with_name(f"{archive.name}-logs")) as supervisor:
                await supervisor.start(program)
                await eventually(lambda: owner.fetchval(_IS_STREAMING), 60)
                yield
        finally:
            await owner.execute(_DROP_SLOT, SLOT)


async def archived(owner: asyncpg.Connection, archive: Path) -> None:
    """Wait until the archive has all WAL that is written now."""
    name = await owner.fetchval("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    await owner.execute("SELECT pg_switch_wal()")
    await eventually((archive / name).exists, 60)


def _create(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def recover_to(folder: Path, archive: Path, restore_point: str) -> None:
    """Let the server of this base backup replay the archive up to a restore point."""
    settings = {
        "restore_command": f'cp "{archive}/%f" "%p"',
        "recovery_target_name": restore_point,
        "recovery_target_action": "promote",
    }
    data = folder / "postgres"
    with (data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    (data / "recovery.signal").touch()
    give_to_its_user(archive)


def _environment(owner_url: str) -> dict[str, str]:
    source = urlsplit(owner_url)
    return {
        **os.environ,
        "PGHOST": str(source.hostname),
        "PGPORT": str(source.port),
        "PGUSER": str(source.username),
        "PGPASSWORD": str(source.password),
    }
