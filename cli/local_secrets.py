"""Find the secret that signs tokens, where this machine has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

VARIABLE: Final = "WAYBILL_JWT_SECRET"
PORT: Final = "WAYBILL_HTTP_PORT"
STACK_FILE: Final = "stack.env"
"""The file of addresses and secrets that the embedded stack writes into its data folder."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def local_secret(url: str) -> str:
    """Return the secret for this deployment, empty if this machine has none.

    The files belong to the embedded stack, so they count for a service on this machine alone.
    """
    return os.environ.get(VARIABLE) or (_written(VARIABLE) if is_loopback(url) else "")


def local_port() -> str:
    """Return the port of the API on this machine, empty if no variable and no file names it."""
    return os.environ.get(PORT) or _written(PORT)


def _written(name: str) -> str:
    """Return a variable of `.env`, or of the embedded stack's file; empty if neither has it."""
    stack_file = Path(os.environ.get("WAYBILL_DATA_DIR") or ".waybill") / STACK_FILE
    for file in (Path(".env"), stack_file):
        for found, value in _variables(file):
            if found == name and value:
                return value
    return ""


def _variables(file: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            yield name.strip(), value.strip().strip("'\"")
