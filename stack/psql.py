"""A shell on the embedded database: `python -m stack.psql`, with arguments of psql's own.

It reads as the API's role does, which can change nothing of the log. DB_ROLE names
another role: append, projections or migration, the owner.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from kit.command import run_command
from settings import DatabaseRole, SettingsError, load_settings
from stack.errors import StackError
from stack.tools import postgres_program

ROLE = "DB_ROLE"


class NoDatabaseError(StackError):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"no PostgreSQL listens on {host}:{port}: start it with `make run`")


def command(
    url: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return psql's command line and environment for this database. Raises StackError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        raise NoDatabaseError(host, port) from None
    where = {
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.removeprefix("/"),
    }
    return [postgres_program("psql"), *arguments], {**environment, **where}


def main() -> None:
    """Become psql. Exits with one line where that cannot be."""
    try:
        role = _role(os.environ.get(ROLE) or DatabaseRole.API)
        url = load_settings().url_of(role)
        line, environment = command(url, sys.argv[1:], os.environ)
    except (SettingsError, StackError) as error:
        sys.exit(f"waybill: {error}")
    os.execve(line[0], line, environment)  # noqa: S606 - no shell is wanted


def _role(name: str) -> DatabaseRole:
    try:
        return DatabaseRole(name)
    except ValueError:
        raise StackError(f"{name!r} is not a role: {', '.join(DatabaseRole)}") from None


if __name__ == "__main__":
    run_command(main)
