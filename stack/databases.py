"""Migrated databases, made in a moment from a template: a fresh one for each test that wants it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from stack import postgres
from stack.processes import Program, Tier
from stack.supervisor import Supervisor

MIGRATE = (sys.executable, "-m", "alembic", "upgrade", "head")


async def migrate(supervisor: Supervisor, database_url: str) -> None:
    """Bring the database's schema up to date. Raises ProcessFailedError."""
    environment = os.environ | {"WAYBILL_DATABASE_URL": database_url}
    await supervisor.succeed(
        Program(name="migrate", command=MIGRATE, tier=Tier.SIMULATOR, environment=environment)
    )


@asynccontextmanager
async def fresh_database(template_url: str) -> AsyncIterator[str]:
    """The URL of a copy of that database, dropped at the end; nobody may be connected to it."""
    server_url, template = _sibling(template_url, "postgres"), template_url.rpartition("/")[2]
    name = f"test_{uuid4().hex}"
    await _execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log')
    try:
        yield _sibling(template_url, name)
    finally:
        await _execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _sibling(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


async def _execute(url: str, statement: str) -> None:
    async with postgres.connected(url) as connection:
        await connection.execute(statement)
