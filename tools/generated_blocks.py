"""Fill the generated blocks of a Markdown page, or compare them with the code.

A person writes the page. A block between the lines `<!-- generated: NAME -->` and `<!-- end -->`
is written by a tool from the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

BLOCK: Final = re.compile(
    r"^<!-- generated: (?P<name>[\w-]+) -->\n.*?^<!-- end -->$", re.DOTALL | re.MULTILINE
)


class WrongBlocks(Exception):
    """The page does not have exactly the blocks that its tool fills, each once."""


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """Return the page with these blocks, its prose unchanged. Raises WrongBlocks."""
    found = [match["name"] for match in BLOCK.finditer(page)]
    if sorted(found) != sorted(blocks):
        raise WrongBlocks(f"it has the blocks {sorted(found)}, and needs {sorted(blocks)}")
    return BLOCK.sub(lambda match: _block(match["name"], blocks[match["name"]]), page)


def write_or_check(
    file: Path, blocks: Mapping[str, str], module: str, arguments: Sequence[str]
) -> int | str:
    """Write the blocks into the file; with `--check`, compare them and change nothing.

    Return an exit code, or the message for exit code 1.
    """
    page = file.read_text()
    try:
        wanted = filled(page, blocks)
    except WrongBlocks as wrong:
        return f"{file.name}: {wrong}"
    if list(arguments) == ["--check"]:
        return 0 if page == wanted else f"{file.name} is out of date: run `python -m {module}`"
    file.write_text(wanted)
    return 0


def _block(name: str, text: str) -> str:
    return f"<!-- generated: {name} -->\n\n{text}\n\n<!-- end -->"
