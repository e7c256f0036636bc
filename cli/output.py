"""Print results to standard output and messages to standard error.

A table is drawn with rich on a terminal. Elsewhere it is aligned text without control sequences.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from cli.paging import Page
from cli.values import NOTHING, visible

Json = dict[str, Any]
Column = tuple[str, Callable[[Json], str]]
"""The heading of a column, and the text of a row in it."""
Fact = tuple[str, str]

_GAP: Final = "  "


class ReaderGone(Exception):
    """The reader of standard output has gone, as `head` does. typer would exit for an OSError."""


def document(value: object) -> None:
    """Print one JSON document."""
    _write(json.dumps(value, indent=2, ensure_ascii=False))


def record(value: object) -> None:
    """Print one line of JSON at once, for a reader that follows."""
    line(json.dumps(value, ensure_ascii=False))


def line(text: str) -> None:
    """Print one line at once."""
    _write(text)
    flush()


def note(text: str) -> None:
    """Print a message for people, apart from the result."""
    flush()
    sys.stderr.write(f"waybill: {visible(text)}\n")
    sys.stderr.flush()


def page(found: Page, columns: Sequence[Column], *, as_json: bool, what: str) -> None:
    """Print a part of a list, and say whether there is more."""
    if as_json:
        document(found.as_json())
        return
    table(columns, found.items, what=what)
    if found.has_next:
        note(f"there are more {what}: pass --all, or --after {found.end_cursor}")


def table(columns: Sequence[Column], items: Iterable[Json], *, what: str) -> None:
    """Print the objects as rows."""
    rows = [[text(item) or NOTHING for _, text in columns] for item in items]
    if not rows:
        note(f"there are no {what}")
        return
    headings = [heading for heading, _ in columns]
    if is_drawn():
        _draw(headings, rows)
    else:
        for cells in _aligned([headings, *rows]):
            _write(cells)


def facts(found: Iterable[Fact]) -> None:
    """Print the facts of one object, a line for each. Facts that it lacks are left out."""
    kept = [[f"{name}:", value] for name, value in found if value not in {"", NOTHING}]
    for text in _aligned(kept):
        _write(text)


def heading(text: str) -> None:
    """Print the heading of the part that follows."""
    _write(f"\n{visible(text)}")


def styled(lines: Iterable[tuple[str, str]]) -> None:
    """Print each line, in its style where the reader shows styles."""
    if not is_drawn():
        for plain, _ in lines:
            _write(plain)
        return
    from rich.console import Console  # noqa: PLC0415 - plain output does without it

    console = Console(highlight=False)
    with _reported():
        for text, style in lines:
            console.print(text, style=style or None, markup=False, soft_wrap=True)


def is_drawn() -> bool:
    """Return whether the reader is a terminal that shows styles."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return sys.stdout.isatty() and not is_plain


def without(payload: Mapping[str, Any], *names: str) -> Json:
    return {name: value for name, value in payload.items() if name not in names}


def _draw(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box  # noqa: PLC0415 - plain output and `--json` do without it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in headings:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    with _reported():
        Console(highlight=False).print(drawn)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Yield each row as a line whose columns begin below each other."""
    if not rows:
        return
    from rich.cells import cell_len  # noqa: PLC0415 - `--json` does without it

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield _GAP.join(cells).rstrip()


def flush() -> None:
    """Write what is buffered. Raises ReaderGone."""
    with _reported():
        sys.stdout.flush()


def _write(text: str) -> None:
    with _reported():
        sys.stdout.write(f"{text}\n")


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
