"""Which code the workers run, as an id that Temporal can tell apart."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from stack.processes import ROOT

PACKAGES: Final = ("activities", "domain", "temporal", "workflows")
"""What decides how a workflow goes on."""


def build_id(root: Path = ROOT) -> str:
    """The same for the same sources, wherever they lie."""
    digest = sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
