"""Migrated databases, made in a moment from a template: a fresh one for each test that wants it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

from stack import postgres
from stack.processes import Program
from stack.supervisor import Supervisor


async def migrate(supervisor: Supervisor, environment: Mapping[str, str]) -> None:
    """Bring the schema of WAYBILL_DATABASE_URL up to date. Raises ProcessFailedError."""
    command = (sys.executable, "-m", "alembic", "upgrade", "head")
    await supervisor.succeed(Program(name="migrate", command=command, environment=environment))


@asynccontextmanager
async def fresh_database(template_url: str) -> AsyncIterator[str]:
    """The URL of a copy of that database, dropped at the end; nobody may be connected to it."""
    server_url = postgres.sibling(template_url, "postgres")
    template, name = template_url.rpartition("/")[2], f"test_{uuid4().hex}"
    await _execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    try:
        yield postgres.sibling(template_url, name)
    finally:
        await _execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(url: str, statement: str) -> None:
    async with postgres.connected(url) as connection:
        await connection.execute(statement)
