"""List the files that `COPY . /app` of the Dockerfile brings into the image."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


class UnreadableIgnoreFile(Exception):
    """.dockerignore has a line of a form that this module does not read; the message names it."""


def image_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield every file and link of the checkout that .dockerignore lets through, in order.

    It reads the three forms that ours uses: `*` first, `!path`, and `**/name`.
    """
    kept, dropped = _read(root / ".dockerignore")
    for path in sorted(kept):
        source = root / path
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if (file.is_file() or file.is_symlink()) and not any(
                fnmatch(part, name) for name in dropped for part in file.relative_to(root).parts
            ):
                yield file


def _read(ignore_file: Path) -> tuple[list[str], list[str]]:
    lines = [line.strip() for line in ignore_file.read_text().splitlines()]
    first, *rest = [line for line in lines if line and not line.startswith("#")]
    if first != "*":
        raise UnreadableIgnoreFile(
            ".dockerignore must begin with *: keep all out but what is named"
        )
    kept = [line[1:] for line in rest if line.startswith("!")]
    dropped = [line[3:] for line in rest if line.startswith("**/")]
    for line in rest:
        if line[0] != "!" and not (line.startswith("**/") and "/" not in line[3:]):
            raise UnreadableIgnoreFile(f".dockerignore: write {line} as !path or **/name")
    return kept, dropped
