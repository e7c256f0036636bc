"""`make psql` becomes psql on the embedded database, as a role that can change nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings import load_settings
from stack import psql
from stack.errors import StackError
from stack.tools import postgres_program


@pytest.fixture(autouse=True)
def _settings_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no settings of the checkout or of another test be used."""
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path))
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_command_line_holds_no_password(port: int) -> None:
    url = f"postgresql://reader:secret@127.0.0.1:{port}/waybill"

    line, environment = psql.command(url, ["-c", "SELECT 1"], {"TERM": "dumb", "PGUSER": "x"})

    assert line == [postgres_program("psql"), "-c", "SELECT 1"]
    assert environment == {
        "TERM": "dumb",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": "reader",
        "PGPASSWORD": "secret",
        "PGDATABASE": "waybill",
    }


def test_a_database_that_does_not_run_is_refused_with_the_command_that_starts_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        unused = server.getsockname()[1]

    with pytest.raises(StackError) as error:
        psql.command(f"postgresql://reader:secret@127.0.0.1:{unused}/waybill", [], {})

    assert str(error.value) == (
        f"no PostgreSQL listens on 127.0.0.1:{unused}: start it with `make run`"
    )


@pytest.mark.parametrize(("role", "user"), [("", "reader"), ("append", "writer")])
def test_it_becomes_psql_for_the_reading_role_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, port: int, role: str, user: str
) -> None:
    became: list[tuple[str, list[str], str]] = []
    monkeypatch.setattr(
        os, "execve", lambda path, line, given: became.append((path, line, given["PGUSER"]))
    )
    for setting, name in (("API_DATABASE_URL", "reader"), ("DATABASE_URL", "writer")):
        monkeypatch.setenv(f"WAYBILL_{setting}", f"postgresql://{name}:x@127.0.0.1:{port}/waybill")
    monkeypatch.setenv(psql.ROLE, role)
    monkeypatch.setattr("sys.argv", ["psql", "-l"])

    psql.main()

    program = postgres_program("psql")
    assert became == [(program, [program, "-l"], user)]


def test_an_unknown_role_is_refused_in_one_line_with_the_roles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("it must not become psql"))
    monkeypatch.setenv(psql.ROLE, "root")

    with pytest.raises(SystemExit) as exit_:
        psql.main()

    assert str(exit_.value.code).startswith("waybill: 'root' is not a role: ")
