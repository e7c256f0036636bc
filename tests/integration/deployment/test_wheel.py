"""A wheel of the project has the program `waybill` with the documents that it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from cli.documents import FOLDER
from stack.processes import ROOT
from tests.support.scripted_api import connection, data, scripted_api

TIMEOUT_SECONDS = 110
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "build", "tests", "benchmarks", "*.egg-info")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installed wheel."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    shutil.copytree(ROOT, source, ignore=LEFT_OUT, symlinks=True, dirs_exist_ok=True)
    build = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-m", *build, "--wheel-dir", str(folder), str(source)],
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_every_document_and_the_program(installed: Path) -> None:
    names = {path.name for path in (installed / "cli" / "operations").iterdir()}
    assert names == {path.name for path in FOLDER.iterdir()}
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert entry_points.read_text() == "[console_scripts]\nwaybill = cli.__main__:run\n"


def test_the_installed_program_runs_a_document(installed: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(installed), "PATH": os.environ["PATH"]}
    with scripted_api(data(connection([]))) as api:
        ran = subprocess.run(  # noqa: S603 - our own interpreter, our own words
            [sys.executable, "-P", "-m", "cli", "--url", api.url, "--token", "t", "orders", "list"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    assert (ran.returncode, ran.stderr) == (0, "waybill: there are no orders\n")
    assert "fragment OrderFields on Order" in api.requests[0]["query"]
