from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_graphql_is_a_plain_folder_and_no_package() -> None:
    assert (ROOT / "graphql" / "api" / "__init__.py").exists()
    assert not (ROOT / "graphql" / "__init__.py").exists()


def test_import_graphql_is_graphql_core_also_with_the_checkout_first_on_the_path() -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import graphql; print(graphql.parse)"

    answer = subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stdout.startswith("<function parse at")


PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


@pytest.mark.parametrize(
    "imported",
    ["activities.payments", "activities.command_handler", "eventstore.postgres", "kit.pool"],
)
def test_a_new_workflow_that_imports_io_breaks_the_import_contract(
    tmp_path: Path, imported: str
) -> None:
    _copy_packages(tmp_path)
    assert _lint_imports(tmp_path).returncode == 0
    (tmp_path / "workflows" / "loyalty.py").write_text(f"import {imported}\n")

    answer = _lint_imports(tmp_path)

    assert answer.returncode == 1
    assert f"workflows.loyalty -> {imported} (l.1)" in answer.stdout


def _copy_packages(folder: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    shutil.copytree(ROOT / "graphql" / "api", folder / "api")
    for file in (*ROOT.glob("*.py"), ROOT / "pyproject.toml"):
        shutil.copy(file, folder)


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the import linter of our own environment
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
