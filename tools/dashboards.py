"""Lay out the dashboards of Grafana: `python -m tools.dashboards [--check]`.

Keys are sorted, and a value that fits is on one line. A panel is then a few lines, and its change a
small difference.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kit.command import run_command

FOLDER: Final = Path(__file__).resolve().parent.parent / "deploy/grafana/dashboards"
WIDTH: Final = 140


def laid_out(value: object, indent: int = 0, used: int = 0) -> str:
    """Return the value as JSON. `used` is the width of what else is on its first line."""
    line = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if used + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = indent + 2
    if isinstance(value, dict):
        keys = [f"{json.dumps(key)}: " for key in sorted(value)]
        values = [value[key] for key in sorted(value)]
    else:
        keys, values = [""] * len(value), value
    parts = [
        f"{' ' * inner}{key}{laid_out(item, inner, inner + len(key) + 1)}"
        for key, item in zip(keys, values, strict=True)
    ]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return "\n".join((opening, ",\n".join(parts), " " * indent + closing))


def main(arguments: Sequence[str]) -> int | str:
    other = {path: text for path in sorted(FOLDER.glob("*.json")) if (text := changed(path))}
    if other and list(arguments) == ["--check"]:
        names = ", ".join(path.name for path in other)
        return f"{names}: laid out otherwise, run `python -m tools.dashboards`"
    for path, text in other.items():
        path.write_text(text, encoding="utf-8")
    return 0


def changed(path: Path) -> str | None:
    """Return the text that the file should have; None if it has that."""
    text = path.read_text(encoding="utf-8")
    wanted = f"{laid_out(json.loads(text))}\n"
    return None if text == wanted else wanted


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
