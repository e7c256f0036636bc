"""Migrate a database, and copy it quickly for each test that needs a fresh one."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

from settings import DatabaseRole
from stack import postgres
from stack.environment import database_urls
from stack.processes import Program
from stack.supervisor import Supervisor


async def migrate(supervisor: Supervisor, environment: Mapping[str, str]) -> None:
    """Migrate the schema, and create the logins of these URLs. Raises ProcessFailedError."""
    command = (sys.executable, "-m", "alembic", "upgrade", "head")
    await supervisor.succeed(Program(name="migrate", command=command, environment=environment))
    urls = database_urls(environment)
    await postgres.admit(urls[DatabaseRole.MIGRATION], urls)


@asynccontextmanager
async def fresh_database(template_url: str, owner_url: str) -> AsyncIterator[str]:
    """Copy the template database for the block, and yield the copy's URL.

    The template must have no connections. The owner creates and drops the copy. The yielded URL has
    the role of the template's URL.
    """
    server_url = postgres.sibling(owner_url, "postgres")
    template, name = template_url.rpartition("/")[2], f"test_{uuid4().hex}"
    await _execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    try:
        yield postgres.sibling(template_url, name)
    finally:
        await _execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(url: str, statement: str) -> None:
    async with postgres.connected(url) as connection:
        await connection.execute(statement)
