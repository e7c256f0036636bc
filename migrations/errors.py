"""Extract PostgreSQL's error from the errors that asyncpg and SQLAlchemy wrap around it."""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import DBAPIError


def cause(error: DBAPIError) -> asyncpg.PostgresError | None:
    """Return the server's error; None if the client raised this one."""
    found = error.orig.__cause__ if error.orig else None
    return found if isinstance(found, asyncpg.PostgresError) else None


def sqlstate(error: DBAPIError) -> str | None:
    found = cause(error)
    return found.sqlstate if found else None


def first_line(error: DBAPIError) -> str:
    found = cause(error)
    return str(found.args[0] if found else error.orig).partition("\n")[0]


def whole(error: DBAPIError) -> str:
    """Return the server's message with its detail and hint, on one line."""
    return " | ".join(str(cause(error) or error.orig).splitlines())


def detail(error: DBAPIError) -> str:
    """Return the server's detail, on one line."""
    found = cause(error)
    return "; ".join(str(getattr(found, "detail", None) or "").splitlines())
