"""Measure what the image adds to its base: `python -m tools.image_size [--check]`.

It adds up the files of the packages that locks/production.lock installs here, and the files that
.dockerignore lets through. Bytecode does not count, because the Dockerfile installs none.
"""

from __future__ import annotations

import argparse
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.markers import Marker

from kit.command import run_command
from tools.image_files import ROOT, image_files

MAX_MEGABYTES: Final = 260
LARGEST: Final = 12
OUR_FILES: Final = "our files"

_LOCKED: Final = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?: *; *([^\\\n]+))?", re.MULTILINE)


class NotAsLocked(Exception):
    """The environment is not what the lock installs; the message names the package."""


def locked_packages(lock: str) -> dict[str, str]:
    """Return the version of each package that the lock installs on this platform."""
    return {
        name: version
        for name, version, marker in _LOCKED.findall(lock)
        if not marker or Marker(marker.strip()).evaluate()
    }


def package_size(name: str, version: str) -> int:
    """Return the bytes of an installed package. Raises NotAsLocked."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise NotAsLocked(f"{name} {version} is not installed: run make check-deploy") from None
    if installed.version != version:
        raise NotAsLocked(f"{name} is {installed.version} here and {version} in the lock")
    files = [Path(str(file.locate())) for file in installed.files or () if file.suffix != ".pyc"]
    return sum(file.stat().st_size for file in files if file.is_file())


def sizes(root: Path = ROOT) -> dict[str, int]:
    """Return the bytes that the image gets from each package and from our files."""
    packages = locked_packages((root / "locks" / "production.lock").read_text())
    ours = sum(file.stat().st_size for file in image_files(root))
    return {OUR_FILES: ours} | {
        name: package_size(name, version) for name, version in packages.items()
    }


def report(found: dict[str, int]) -> str:
    largest = sorted(found.items(), key=lambda item: -item[1])[:LARGEST]
    lines = [f"{size / 1e6:8.1f} MB  {name}" for name, size in largest]
    rest = len(found) - len(largest)
    return "\n".join([*lines, f"{megabytes(found):8.1f} MB  in all, with {rest} smaller parts"])


def megabytes(found: dict[str, int]) -> float:
    return sum(found.values()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.image_size", description=__doc__)
    parser.add_argument("--check", action="store_true", help=f"fail from {MAX_MEGABYTES} MB on")
    options = parser.parse_args()
    try:
        found = sizes()
    except NotAsLocked as error:
        sys.exit(f"image size: {error}")
    sys.stdout.write(report(found) + "\n")
    if options.check and megabytes(found) >= MAX_MEGABYTES:
        sys.exit(f"image size: the image adds {MAX_MEGABYTES} MB or more to its base")


if __name__ == "__main__":
    run_command(main)
