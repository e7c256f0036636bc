"""A mutant: a small fault in the code, kept as a patch, and the test that must fail on it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.processes import ROOT

FOLDER: Final = Path(__file__).parent

_HEADER: Final = re.compile(r"(?P<fault>[^\n]+\.)\nKilled by: (?P<test>[^\n]+)\n\n(?=diff --git )")


class MutantError(Exception):
    pass


@dataclass(frozen=True)
class Mutant:
    patch: Path
    fault: str
    test: str
    """The pytest node id of the test that must fail."""

    @property
    def name(self) -> str:
        return str(self.patch.relative_to(FOLDER).with_suffix(""))

    @property
    def area(self) -> str:
        return self.patch.parent.name


def read_mutant(patch: Path) -> Mutant:
    """Read a patch and its header. Raises MutantError when the header has another format."""
    header = _HEADER.match(patch.read_text())
    if header is None:
        raise MutantError(
            f"{patch}: begin with one line that says what the mutant breaks and ends with a full "
            "stop, a line `Killed by: file::test`, and an empty line"
        )
    return Mutant(patch, header["fault"], header["test"])


def patches() -> list[Path]:
    return sorted(FOLDER.glob("*/*.patch"))


def has_test(node_id: str, tree: Path = ROOT) -> bool:
    """Return whether the file of this pytest node id defines its test function."""
    name, *path = node_id.partition("[")[0].split("::")
    file = tree / name
    if not file.is_file() or not path:
        return False
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.walk(ast.parse(file.read_text()))
    return any(isinstance(node, functions) and node.name == path[-1] for node in nodes)
