"""Choose the user that PostgreSQL runs as, with commands of the test instead of the system's."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.ordinary_user import as_ordinary_user, give_to_its_user

NO_ACCOUNT = 4_000_000_000


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder with commands; the caller is root."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def ends_with(code: int, command: Path) -> None:
    command.write_text(f"#!/bin/sh\nexit {code}\n")
    command.chmod(0o755)


def prefix() -> tuple[str, ...]:
    return as_ordinary_user.__wrapped__()


def test_a_user_with_an_account_runs_postgresql_itself(
    commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_with(0, commands / "unshare")
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)

    assert prefix() == ()


@pytest.mark.parametrize("user", [0, NO_ACCOUNT])
def test_root_and_a_user_without_an_account_run_it_in_a_user_namespace(
    commands: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    ends_with(0, commands / "unshare")
    monkeypatch.setattr(os, "geteuid", lambda: user)

    assert prefix()[:2] == ("unshare", "--user")


def test_it_changes_its_user_without_user_namespaces(commands: Path) -> None:
    ends_with(1, commands / "unshare")
    ends_with(0, commands / "setpriv")

    assert prefix()[:2] == ("setpriv", f"--reuid={pwd.getpwnam('nobody').pw_uid}")


def test_a_missing_upcast_is_an_error_with_advice(commands: Path) -> None:
    ends_with(1, commands / "setpriv")

    with pytest.raises(StackError, match="start the stack as an ordinary user"):
        prefix()


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[Path, int]]:
    """Record each file's new owner instead of changing it."""
    owners: dict[Path, int] = {}
    monkeypatch.setattr(os, "chown", lambda path, user, _group, **_: owners.update({path: user}))
    as_ordinary_user.cache_clear()
    yield owners
    as_ordinary_user.cache_clear()


def test_data_is_given_to_the_user_that_postgresql_changes_to(
    commands: Path, tmp_path: Path, owners: dict[Path, int]
) -> None:
    ends_with(0, commands / "setpriv")
    data = tmp_path / "data"
    (data / "base").mkdir(parents=True)

    give_to_its_user(data)

    nobody = pwd.getpwnam("nobody").pw_uid
    assert owners == {data: nobody, data / "base": nobody}


def test_a_user_with_an_account_keeps_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, owners: dict[Path, int]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)

    give_to_its_user(tmp_path)

    assert owners == {}
