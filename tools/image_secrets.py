"""Look for secrets in what the image contains: `python -m tools.image_secrets`.

A secret in a layer stays there, also when a later layer deletes it. So the files that are copied,
the names of build arguments and variables, and the commands of the Dockerfile must hold none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kit.command import run_command
from tools.image_files import ROOT, image_files

SECRET_FILES: Final = re.compile(
    r"(.*\.)?env(\..+)?|.*\.(pem|key|p12|pfx|jks|kdbx)|id_(rsa|dsa|ecdsa|ed25519)|\.netrc|\.pypirc"
    r"|\.git-credentials|\.pgpass|credentials(\.json)?",
    re.IGNORECASE,
)
ALLOWED_FILES: Final = frozenset({"env.py"})
"""Alembic's entry point has this name."""
_WORDS: Final = r"pass(?:word|wd)?|secret|token|(?:api|private|master|search|payload)_?key"
SECRET_TEXTS: Final = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    r"|\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|\bwhsec_[A-Za-z0-9+/]{24,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bxox[abp]-[A-Za-z0-9-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r"|\b\w+://[^\s:/@{}]+:(?!password@)[^\s:/@{}$]{8,}@"
    rf"|(?i:\b\w*(?:{_WORDS})\w*[\"']?\s*[:=]\s*[\"'](?=\S*\d)[A-Za-z0-9+/=_-]{{20,}}[\"'])"
)
_ASSIGNED: Final = re.compile(
    rf"^(?:ARG|ENV)\b.*?\b(\w*(?:{_WORDS})\w*)", re.IGNORECASE | re.MULTILINE
)


def secrets_in(root: Path = ROOT) -> Iterator[str]:
    """Yield one line for each thing that looks like a secret. No line shows a value."""
    for file in image_files(root):
        name = str(file.relative_to(root))
        if SECRET_FILES.fullmatch(file.name) and file.name not in ALLOWED_FILES:
            yield f"{name}: a file of this name holds secrets"
        if file.is_file():  # else it is a link to a folder
            yield from _in_text(name, file.read_text(errors="replace"))
    dockerfile = (root / "Dockerfile").read_text().replace("\\\n", " ")
    yield from _in_text("Dockerfile", dockerfile)
    for variable in _ASSIGNED.findall(dockerfile):
        yield f"Dockerfile: {variable} would stay in a layer: give it to the container instead"


def _in_text(name: str, text: str) -> Iterator[str]:
    for match in SECRET_TEXTS.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{name}:{line}: this looks like a secret"


def main() -> None:
    if found := list(secrets_in()):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    run_command(main)
