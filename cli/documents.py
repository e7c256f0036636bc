"""Read the client documents in graphql/operations, each with the fragments that it uses.

`cli/operations` is a link to that folder, so that a wheel of the project holds them too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("operations")
_SPREAD: Final = re.compile(r"\.\.\.(\w+Fields)\b")


def document(name: str) -> str:
    """Return the text of a document. Raises FileNotFoundError."""
    parts = {name: (FOLDER / f"{name}.graphql").read_text()}
    missing = _SPREAD.findall(parts[name])
    while missing:
        fragment = missing.pop()
        if fragment not in parts:
            parts[fragment] = (FOLDER / f"{fragment}.graphql").read_text()
            missing += _SPREAD.findall(parts[fragment])
    return "".join(parts.values())


def operations() -> list[str]:
    """Return the names of all documents except the fragments."""
    return [name for name in _names() if not name.endswith("Fields")]


def fragments() -> list[str]:
    return [name for name in _names() if name.endswith("Fields")]


def _names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.graphql"))
