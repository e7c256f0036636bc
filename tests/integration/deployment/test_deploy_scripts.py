"""Run deploy/pin with a fake `docker` command, and deploy/sbom on the real lock file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stack.processes import ROOT

DIGEST = "sha256:" + "ab" * 32
PINNED = re.compile(r"^(?:FROM|\s*image:) +(\S+)", re.MULTILINE)


def pin(folder: Path, answer: str | None) -> subprocess.CompletedProcess[str]:
    """Run deploy/pin on copies, with a `docker` that gives this answer, or without `docker`."""
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for name in ("bash", "sed", "grep", "sort", "dirname"):
        path = shutil.which(name)
        assert path is not None
        (commands / name).unlink(missing_ok=True)
        (commands / name).symlink_to(path)
    if answer is not None:
        (commands / "docker").write_text(f"#!/bin/sh\necho {answer}\n")
        (commands / "docker").chmod(0o755)
    files = f"{folder / 'Dockerfile'} {folder / 'docker-compose.yml'}"
    return subprocess.run(  # noqa: S603 - our own script
        [str(commands / "bash"), str(ROOT / "deploy" / "pin")],
        env={"PATH": str(commands), "FILES": files},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Dockerfile", "docker-compose.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def images(folder: Path) -> set[str]:
    text = (folder / "Dockerfile").read_text() + (folder / "docker-compose.yml").read_text()
    return set(PINNED.findall(text)) - {"waybill:0.1.0"}


def test_every_image_is_pinned_by_its_digest_and_keeps_its_tag(folder: Path) -> None:
    before = images(folder)

    assert pin(folder, DIGEST).returncode == 0

    assert images(folder) == {f"{image}@{DIGEST}" for image in before}
    assert len(before) == 13


def test_pinning_again_changes_nothing(folder: Path) -> None:
    pin(folder, DIGEST)
    once = (folder / "docker-compose.yml").read_text()
    pin(folder, DIGEST)

    assert (folder / "docker-compose.yml").read_text() == once


def test_an_answer_that_is_no_digest_pins_nothing(folder: Path) -> None:
    before = images(folder)
    refused = pin(folder, "unauthorized")

    assert refused.returncode == 1
    assert "no digest: unauthorized" in refused.stderr
    assert images(folder) == before


def test_a_missing_docker_is_reported_in_one_line(folder: Path) -> None:
    refused = pin(folder, None)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "deploy/pin needs Docker's buildx to look digests up\n"


def test_the_bill_of_materials_names_every_package_of_the_image(tmp_path: Path) -> None:
    environment = {**os.environ, "BIN": str(Path(sys.executable).parent)}
    out = tmp_path / "waybill.cdx.json"
    script = str(ROOT / "deploy" / "sbom")
    subprocess.run([script, str(out)], env=environment, check=True, capture_output=True)  # noqa: S603 - our own script

    materials = json.loads(out.read_text())
    named = {component["name"] for component in materials["components"]}
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "locks/production.lock").read_text(), re.M)
    assert materials["bomFormat"] == "CycloneDX"
    assert named == set(locked)
