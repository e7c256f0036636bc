"""Copy what Alembic needs of the checkout, to change it as a later build would."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from stack.postgres import connected, sibling
from stack.processes import ROOT
from tests.support.forks import ran


@dataclass(frozen=True)
class Outcome:
    code: int
    printed: str
    said: str

    def succeeded(self) -> str:
        assert self.code == 0, self.said
        return self.printed


@dataclass(frozen=True)
class Checkout:
    folder: Path

    @classmethod
    def copied_to(cls, folder: Path) -> Checkout:
        for name in ("migrations", "eventstore/sql"):
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for file in (ROOT / "alembic.ini", *ROOT.glob("settings*.py")):
            shutil.copy(file, folder)
        return cls(folder)

    def edit(self, function: str, old: str, new: str) -> None:
        file = self.folder / "eventstore" / "sql" / f"{function}.sql"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def write(self, function: str, sql: str) -> None:
        """Add this function or view to the build, after all others and for every reader."""
        (self.folder / "eventstore" / "sql" / f"{function}.sql").write_text(sql)
        env = self.folder / "migrations" / "env.py"
        entry = f'    "{function}": READERS,\n}}\n'
        if entry[:-2] not in env.read_text():
            env.write_text(env.read_text().replace("}\n", entry, 1))

    def add_migration(self, after: str, body: str) -> None:
        head = (
            "from alembic import op\n\n"
            f"revision = '9000'\ndown_revision = '{after}'\nDESTROYS = ()\n"
        )
        (self.folder / "migrations" / "versions" / "9000_later.py").write_text(head + body)

    async def alembic(self, url: str | None, *arguments: str, **variables: str) -> Outcome:
        environment = self._environment(url, variables)
        ended = await ran("-m", "alembic", *arguments, environment=environment, folder=self.folder)
        return Outcome(ended.code, ended.out, ended.err)

    async def upgrade(self, url: str) -> Outcome:
        return await self.alembic(url, "upgrade", "head")

    @asynccontextmanager
    async def running(
        self, url: str | None, *arguments: str, **variables: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "alembic", *arguments),
            cwd=self.folder,
            env=self._environment(url, variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    @staticmethod
    def _environment(url: str | None, variables: Mapping[str, str]) -> dict[str, str]:
        outside = {n: v for n, v in os.environ.items() if not n.startswith("WAYBILL_")}
        ours = {"WAYBILL_MIGRATION_DATABASE_URL": url} if url else {}
        return {**outside, "PYTHONDONTWRITEBYTECODE": "1", **ours, **variables}


@asynccontextmanager
async def empty_database(server_url: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    async with connected(sibling(server_url, "postgres")) as connection:
        await connection.execute(f'CREATE DATABASE "{name}"')
        yield sibling(server_url, name)
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
