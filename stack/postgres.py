"""Create, start and connect to PostgreSQL on loopback."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from database_url import DatabaseUrl
from settings import DatabaseRole
from stack.errors import PasswordLostError
from stack.ordinary_user import as_ordinary_user, give_to_its_user
from stack.ports import LOOPBACK
from stack.processes import Program, Tier
from stack.supervisor import Supervisor
from stack.tools import postgres_program

OWNER = DATABASE = "waybill"
"""The owner migrates. It is PostgreSQL's superuser here, and an ordinary role in production."""

LOGINS: Mapping[DatabaseRole, str] = {
    role: OWNER if role is DatabaseRole.MIGRATION else f"{role.group}_login"
    for role in DatabaseRole
}

SCRAM_ITERATIONS = "1"
"""The iterations slow down who guesses a password, and every connection. Ours are random tokens."""

# Development settings. The durability of a commit (fsync, synchronous_commit) is production's.
SERVER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a path under the data folder can be too long for a socket
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "log_min_duration_statement": "500",
    "log_parameter_max_length": "0",  # parameters are personal data
    "scram_iterations": SCRAM_ITERATIONS,
    "log_timezone": "UTC",
    "timezone": "UTC",
}

_ADMIT = """
    SELECT format('CREATE ROLE %I', $1::text) AS statement WHERE to_regrole($1) IS NULL
    UNION ALL
    SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $3::text)
    UNION ALL
    SELECT format('GRANT %I TO %I', $2::text, $1::text)
"""
# The group owns the tables that this login creates, because default privileges name the group.
_ACT_AS_GROUP = f"""
    ALTER ROLE {LOGINS[DatabaseRole.PROJECTIONS]} SET role TO {DatabaseRole.PROJECTIONS.group}
"""


def database_url(role: DatabaseRole, port: int, password: str) -> str:
    """Return the role's URL in SQLAlchemy's form, which names the driver."""
    return f"postgresql+asyncpg://{LOGINS[role]}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def sibling(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    parsed = DatabaseUrl.parse(url)
    connection = await asyncpg.connect(**parsed.arguments(parsed.servers[0]), timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


async def start(supervisor: Supervisor, data_dir: Path, url: str) -> None:
    """Start PostgreSQL for this URL. The first start creates its data."""
    data = data_dir / "postgres"
    if not data.exists():
        await _create(supervisor, data, urlsplit(url).password or "")
    give_to_its_user(data)
    # After a crash this file may hold the id of a process that is no longer PostgreSQL. The lock
    # on the data folder proves that no PostgreSQL of the stack runs.
    (data / "postmaster.pid").unlink(missing_ok=True)
    await supervisor.start(_server(data_dir, data, url))


def _server(data_dir: Path, data: Path, url: str) -> Program:
    async def is_ready(_pid: int) -> bool:
        try:
            await _require_database(url)
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        except asyncpg.InvalidPasswordError:
            raise PasswordLostError(data_dir) from None
        return True

    settings = [f"-c{name}={value}" for name, value in SERVER_SETTINGS.items()]
    return Program(
        name="postgres",
        tier=Tier.SERVER,
        command=(
            *as_ordinary_user(),
            postgres_program("postgres"),
            *("-D", str(data), "-p", str(urlsplit(url).port)),
            *settings,
        ),
        is_ready=is_ready,
        # SIGINT is a fast shutdown, which ends the sessions and writes a checkpoint.
        stop_signal=signal.SIGINT,
        stop_within=3.0,
    )


async def _require_database(url: str) -> None:
    async with connected(sibling(url, "postgres")) as connection:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')


async def admit(owner_url: str, urls: Mapping[DatabaseRole, str]) -> None:
    """Create the logins of these URLs, or set their passwords. Their groups must exist."""
    async with connected(owner_url) as connection:
        await connection.execute("SET log_min_duration_statement = -1")  # hides passwords
        for role in set(urls) - {DatabaseRole.MIGRATION}:
            password = urlsplit(urls[role]).password
            for row in await connection.fetch(_ADMIT, LOGINS[role], role.group, password):
                await connection.execute(row["statement"])
        await connection.execute(_ACT_AS_GROUP)


async def _create(supervisor: Supervisor, data: Path, password: str) -> None:
    """Create the cluster in another folder and move it, so that no incomplete one ever starts."""
    unfinished = data.with_name("postgres.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give_to_its_user(unfinished)
    with tempfile.NamedTemporaryFile("w", dir=data.parent) as password_file:
        password_file.write(password)
        password_file.flush()
        command = (
            *as_ordinary_user(),
            postgres_program("initdb"),
            *("-D", str(unfinished), "--username", OWNER, "--pwfile", password_file.name),
            *("--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--set", f"scram_iterations={SCRAM_ITERATIONS}"),
            "--no-instructions",
        )
        await supervisor.succeed(Program(name="initdb", tier=Tier.SERVER, command=command))
    unfinished.rename(data)
