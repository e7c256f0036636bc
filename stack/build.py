"""Compute the build id by which Temporal distinguishes the workers' code."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from stack.processes import ROOT

PACKAGES: Final = ("activities", "domain", "temporal", "workflows")
"""The packages whose code a running workflow depends on."""


def build_id(root: Path = ROOT) -> str:
    """Return an id that depends on the sources and not on their folder."""
    digest = sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
